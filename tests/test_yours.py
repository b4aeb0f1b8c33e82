"""The report of `thalweg yours`: its page, its tables, and what of it goes into the docs."""

import base64
import io
import json
import re
from copy import deepcopy

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from golden.files import ROOT
from sw.report.yours import own_parts, publish_own, require_own_docs, tables, write_report

SCORES = {"psnr_mean": 16.783, "psnr_of_mean": 15.761, "digit_id": 77.78}
REPORT = {
    "name": "mine & yours",
    "command": "thalweg train --data <folder>",
    "data": {"source": "folder, 200 images", "train": 180, "test": 20},
    "spec": {"height": 12, "width": 16, "channels": 8, "multiplier": 4, "steps": 10,
             "boundary": "wrap"},
    "parameters": {"skeleton": 658, "gate": 0},
    "batches": {"float": 4000, "qat": 2000},
    "damage": 0.7,
    "skeleton": "39c69a1c",
    "codes_equal_to_golden": 5426928,
    "results": {"blanked": SCORES, "restored": SCORES | {"psnr_mean": 21.5}, "pasted": SCORES,
                "originals": SCORES},
    "chip": {"verilog": "thalweg_f4.v", "filters": 4, "cocotb": {"images": 2},
             "device": {"images": 18, "codes": 32256, "clocks": 326617}},
    "machine": {"processor": "AMD EPYC"},
    "training_seconds": 1092,
    "seconds": {"data": 0.9, "training": 1092.6},
}  # fmt: skip
COLUMNS = {
    "damaged": np.zeros((2, 8, 8), np.uint8),
    "restored": np.full((2, 8, 8), 200, np.uint8),
}


def test_a_report_is_a_page_with_its_picture_and_numbers(tmp_path):
    path = write_report(tmp_path, REPORT, COLUMNS)
    assert path == tmp_path / "report.html"
    assert json.loads((tmp_path / "report.json").read_text()) == REPORT
    text = path.read_text()
    assert "<h1>mine &amp; yours</h1>" in text and "--data &lt;folder&gt;" in text
    assert "<td>restored</td><td>21.50 dB</td><td>15.76 dB</td><td>77.8 %</td>" in text
    assert "<td>18 images, 32,256 codes, 18,145 clocks an image</td>" in text
    within = base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])
    assert within == (tmp_path / "report.png").read_bytes()
    pixels = np.asarray(Image.open(io.BytesIO(within)).convert("L"))
    assert (pixels == 200).sum() > 2 * 8 * 8


@pytest.mark.parametrize(
    ("part", "change", "row"),
    [
        ("trained", {}, ["test images", "20, its own"]),
        ("trained", {}, ["lattice", "12 x 16 cells, 8 channels, boundary wrap"]),
        ("trained", {}, ["integers of the gate", "no gate"]),
        ("trained", {"parameters": {"skeleton": 1, "gate": 2345}},
         ["integers of the gate", "2,345"]),
        ("trained", {"data": REPORT["data"] | {"held_out": {"share": 0.1, "seed": 0}}},
         ["test images", "20, 10% held out, seed 0"]),
        ("proven", {"chip": {"none": "No chip has 3 channels"}},
         ["no chip takes this rule", "No chip has 3 channels"]),
        ("seconds", {}, ["training", "1,093"]),
    ],
)  # fmt: skip
def test_tables_say_what_was_measured(part, change, row):
    _, rows = tables(deepcopy(REPORT) | change)[part]
    assert row in rows


def test_without_labels_similarity_takes_the_referees_place():
    scores = {"psnr_mean": 20.0, "psnr_of_mean": 19.0, "ssim": 0.8125}
    results = dict.fromkeys(("blanked", "restored", "pasted", "originals"), scores)
    _, (heading, *rows) = tables(REPORT | {"results": results})["restored"]
    assert heading[-1] == "SSIM" and rows[1] == ["restored", "20.00 dB", "19.00 dB", "0.812"]


def test_a_report_goes_into_docs_under_its_name(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    require_own_docs("letters", docs)
    write_report(tmp_path, REPORT, COLUMNS)
    publish_own(tmp_path, "letters", docs)
    assert (docs / "letters.png").read_bytes() == (tmp_path / "report.png").read_bytes()
    parts = own_parts(docs)
    assert parts["letters-seconds"].splitlines()[-1] == "| training | 1,093 |"
    with pytest.raises(InputError, match=r"^--docs must come with --name letters, not with mine$"):
        require_own_docs("mine", docs)


def test_the_page_of_letters_has_tables_of_its_report():
    text = (ROOT / "docs" / "letters.md").read_text()
    assert all(
        f"<!-- begin: {part} -->\n{own_parts()[part]}<!-- end" in text
        for part in ("letters-restored", "letters-trained", "letters-proven")
    )
