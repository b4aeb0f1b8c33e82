"""The first look: its pictures are what the shipped skeletons do, and all of them are shown."""

import re

import numpy as np
import pytest
from PIL import Image

from golden.files import ROOT
from sw.experiments.asic_picture import PICTURE
from sw.experiments.first_look import FOLDER, PICTURES

DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_is_drawn_now(name):
    kept = np.asarray(Image.open(DOCS / FOLDER / f"{name}.png"))
    np.testing.assert_array_equal(PICTURES[name](), kept)


def test_each_picture_is_on_the_page():
    shown = re.findall(rf"\]\({FOLDER}/([a-z]+)\.png\)", (DOCS / "first-look.md").read_text())
    assert sorted(shown) == sorted(PICTURES)
    assert {path.stem for path in (DOCS / FOLDER).iterdir()} == set(PICTURES)


def test_pictures_are_written_where_docs_are(tmp_path, monkeypatch, thalweg):
    monkeypatch.setattr("sw.report.publish.DOCS", tmp_path)
    monkeypatch.setattr("sw.report.docs.update", lambda parts, check: [])
    monkeypatch.setattr("sw.cli.docs.parts", dict)
    code, out, _ = thalweg("docs", "--pictures")
    assert code == 0
    drawn = [*(f"{FOLDER}/{name}.png" for name in PICTURES), PICTURE]
    assert out.splitlines()[:-1] == [f"wrote {tmp_path / name}" for name in drawn]
    assert (tmp_path / PICTURE).read_bytes() == (DOCS / PICTURE).read_bytes()
    for name in PICTURES:
        kept = (DOCS / FOLDER / f"{name}.png").read_bytes()
        assert (tmp_path / FOLDER / f"{name}.png").read_bytes() == kept


def test_checking_draws_nothing(fails):
    fails("--check and --pictures must not be given together", "docs", "--check", "--pictures")


def test_drawing_needs_a_folder_of_docs(tmp_path, monkeypatch, fails):
    monkeypatch.setattr("sw.report.publish.DOCS", tmp_path / "none")
    text = "must be a folder: only a checkout of the project has docs"
    fails(f"{tmp_path / 'none'} {text}", "docs", "--pictures")
