"""`thalweg compare`: the table of restorers on images of the user's own."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.device import GoldenDevice, restore
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.experiments.table import own, report
from sw.experiments.table.subjects import networks_in
from sw.judge.evaluate import Judged
from sw.judge.metrics import closeness
from sw.judge.referee import Referee

pytestmark = pytest.mark.usefixtures("nothing_at_hand", "one_thread")

SPEC = Spec(channels=4, multiplier=1, steps=2)
GATED = replace(SPEC, gate=Gate(input_channel=0, output_channel=1, start=1, every=1))
IMAGES, LABELS = show_digits()


@pytest.fixture
def images(tmp_path):
    """A file of labelled images: 100 to train with, 20 to test."""
    path = tmp_path / "mine.npz"
    train, test = slice(0, 100), slice(100, 120)
    np.savez(path, x_train=IMAGES[train], y_train=LABELS[train],
             x_test=IMAGES[test], y_test=LABELS[test])  # fmt: skip
    return path


@pytest.fixture
def skeletons(tmp_path):
    """Folders of a skeleton without a gate, and of one with a gate."""
    folders = []
    for seed, (name, spec) in enumerate((("plain", SPEC), ("gated", GATED))):
        rng, folder = np.random.default_rng(seed), tmp_path / name
        skeleton = replace(calibrated(spec, rng), name=name)
        skeleton.save(folder)
        folders.append(folder)
        if spec.gate is not None:
            gate = network(spec, rng)
            gate.skeleton = skeleton.digest
            gate.save(folder / "gate.safetensors")
    return folders


@pytest.fixture
def golden_chip(monkeypatch):
    """Have golden take the simulated chip's place; return the skeletons that were opened."""
    opened = []

    def open_chip(skeleton):
        opened.append(skeleton.name)
        return GoldenDevice((skeleton,))

    monkeypatch.setattr("sw.cli.compare.open_chip", open_chip)
    monkeypatch.setattr("sw.cli.compare.digest_of_chip", lambda skeleton: "its Verilog")
    return opened


def test_every_skeleton_is_compared_in_all_its_ways(
    thalweg, images, skeletons, golden_chip, tmp_path, monkeypatch
):
    record = {"command": "thalweg train", "commit": "c", "data": {"source": "mine"},
              "machine": {"cores": 2}, "seconds": {"training": 90.5}}  # fmt: skip
    (skeletons[1] / "provenance.json").write_text(json.dumps(record | {"more": 1}))
    words = ("compare", *skeletons, "--data", images, "--output", tmp_path / "out")
    code, out, _ = thalweg(*words)
    assert code == 0 and out.endswith(f"wrote {tmp_path}/out/yours/results.json\n")
    found = json.loads((tmp_path / "out" / "yours" / "results.json").read_text())
    assert found["data"]["source"].startswith("mine.npz, 1")
    assert found["runs"] == [record | {"name": "gated", "seconds": 90.5}]
    rows = {row["name"]: row for row in found["rows"]}
    ways = ("int8 (Brevitas)", "int8 (golden)", "int8 (simulated chip)")
    names = [f"{each}, {way}" for each in ("plain, CA only", "gated, hybrid") for way in ways]
    assert list(rows)[-6:] == names
    assert golden_chip == ["plain", "gated"]
    damaged = blank(IMAGES[100:120], range(20), 0.7)
    for folder, kind in zip(skeletons, ("plain, CA only", "gated, hybrid"), strict=True):
        skeleton = Skeleton.load(folder)
        gate = None
        if skeleton.spec.gate is not None:
            gate = GateNetwork.load(folder / "gate.safetensors")
        restored = restore(GoldenDevice((skeleton,)), gate, damaged, skeleton.spec.steps)
        wanted = closeness(restored, IMAGES[100:120]).psnr_mean
        for way in ways:
            assert rows[f"{kind}, {way}"]["psnr_mean"] == pytest.approx(wanted, abs=1e-3)
    read, _ = Referee.load().read(damaged)
    right = 100 * np.mean(read == LABELS[100:120])
    assert rows["blanked input"]["digit_id"] == pytest.approx(right)
    assert all(row["claim"] is None and row["images"] == 20 for row in rows.values())
    assert (tmp_path / "out" / "yours" / "results.png").is_file()
    assert "the source idea claims" not in out

    monkeypatch.setattr("sw.experiments.table.make.row", None)  # nothing is restored again
    assert thalweg(*words)[:2] == (0, out)
    assert golden_chip == ["plain", "gated"]


def test_what_was_measured_on_other_images_is_not_taken(
    thalweg, images, skeletons, golden_chip, tmp_path
):
    words = ("compare", skeletons[0], "--data", images, "--output", tmp_path / "out")
    assert thalweg(*words)[0] == 0
    with np.load(images) as arrays:
        changed = dict(arrays)
    changed["x_train"] = changed["x_train"][::-1]
    np.savez(images, **changed)
    assert thalweg(*words)[0] == 0
    assert golden_chip == ["plain", "plain"]


def test_networks_are_found_beside_each_other_or_in_the_folders_of_their_runs(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "unet.safetensors").touch()
    (tmp_path / "mlp.safetensors").touch()
    assert dict(networks_in(tmp_path)) == {"unet": tmp_path / "unet", "mlp": tmp_path}
    (tmp_path / "unet" / "unet.json").write_text(json.dumps({
        "command": "thalweg baseline unet", "commit": "c", "data": {}, "machine": {}, "seconds": 120
    }))  # fmt: skip
    (run,) = own.runs_of([tmp_path / "nothing"], tmp_path)
    assert (run["name"], run["seconds"]) == ("U-Net", 120)


def test_images_that_no_referee_reads_are_refused(fails, images, skeletons):
    np.savez(images, images=IMAGES[:200])
    what = f"{images.name}, 200 images of 28 x 28"
    text = f"Images to compare on must have test images and labels: {what}"
    fails(text, "compare", skeletons[0], "--data", images)


def test_a_skeleton_of_another_size_is_refused(fails, images, skeletons):
    small = replace(SPEC, image=8, height=12, width=12)
    replace(calibrated(small, np.random.default_rng(0)), name="plain").save(skeletons[0])
    text = "Skeleton plain must take digits of 28 x 28, not images of 8 x 8"
    fails(text, "compare", skeletons[0], "--data", images)


def test_a_folder_without_networks_is_refused(fails, images, skeletons, tmp_path):
    text = (
        "--baselines must be a folder with autoencoder, unet, mlp, or one of them, "
        f"not '{tmp_path}/none'"
    )
    words = ("--data", images, "--baselines", tmp_path / "none")
    fails(text, "compare", skeletons[0], *words)


def test_networks_of_other_images_are_refused(tmp_path):
    (tmp_path / "mlp.safetensors").touch()
    own.require_networks(tmp_path, Judged("test", IMAGES[:2], None))
    with pytest.raises(InputError, match=r"^Networks take images of 28 x 28, not of 8 x 9$"):
        own.require_networks(tmp_path, Judged("test", IMAGES[:2, :8, :9], None))


def test_docs_take_comparisons_of_known_names_alone(fails, images, skeletons):
    text = "--docs must come with --name letters, not with yours"
    fails(text, "compare", skeletons[0], "--data", images, "--docs")


def test_a_comparison_goes_into_docs_under_its_name(tmp_path):
    docs, row = tmp_path / "docs", {
        "name": "U-Net", "psnr_mean": 22.5, "psnr_mse": 21.5, "psnr_mean_pasted": 22.75,
        "psnr_mse_pasted": 21.75, "ssim": 0.925, "digit_id": 91.5, "parameters": 2148420,
        "macs": 90520000, "link_bytes": None, "images": 598, "rows": "test", "claim": None,
        "given_mask": False,
    }  # fmt: skip
    docs.mkdir()
    run = {"name": "U-Net", "command": "thalweg baseline unet", "seconds": 150.0}
    (tmp_path / "results.json").write_text(json.dumps({"rows": [row], "runs": [run]}))
    report.draw_rows([row], tmp_path / "results.png")
    own.require_result_docs("letters", docs)
    assert own.own_result_parts(docs) == {}, "nothing is measured yet"
    own.publish_results(tmp_path, "letters", docs)
    assert (docs / "letters-results.png").is_file()
    parts = own.own_result_parts(docs)
    table = parts["letters-results"].splitlines()
    assert table[0].endswith("| bytes over the link | digits |")
    assert table[2].startswith("| U-Net | 22.50 dB | 21.50 dB |")
    assert parts["letters-runs"].splitlines()[-1] == "| U-Net | `thalweg baseline unet` | 2 |"
