"""The ablation's way from a row to a result and to docs: every run by its own options, once."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError
from golden.files import ROOT, write_json
from golden.samples import calibrated
from golden.spec import Gate, Spec
from sw.data.load import Digits
from sw.experiments.ablation import measure as work
from sw.experiments.ablation import page
from sw.experiments.ablation.measure import Ablation, measure
from sw.experiments.ablation.rows import BASE, ROWS, Row, choose_rows
from sw.experiments.table.automata import link_bytes
from sw.train.options import Options
from tests.changes import DIGITS

RNG = np.random.default_rng(0)
GATE = Gate(input_channel=0, output_channel=1, start=1)
SPEC = Spec(height=8, width=8, channels=2, multiplier=1, steps=3, image=6, gate=GATE)
TABLE = (Row(name=BASE, says="x"), Row(name="damp", says="y", changes={"damage": 0.5}, qat=0.5))


@pytest.fixture
def table(tmp_path):
    options = Options(output=tmp_path / "out", batches=8, qat_batches=4, qat_rate=2e-3, batch=2)
    return Ablation(options, DIGITS, TABLE)


def found(row, seed, **other):
    told = {"row": row, "seed": seed, "data": "d", "commit": "c", "rows": "test", "images": 6}
    scores = {"psnr_mean": 20.0 + seed, "digit_id": 90.0 + seed, "link_bytes": 7, "seconds": 1.0}
    return told | scores | other


def test_each_seed_of_every_row_comes_before_the_next_and_is_written(table, monkeypatch):
    asked, before = [], []

    def result(self, row, seed):
        asked.append((row.name, seed))
        if self.path.exists():
            before.append(len(json.loads(self.path.read_text())["runs"]))
        return found(row.name, seed)

    monkeypatch.setattr(Ablation, "result", result)
    monkeypatch.setattr(Ablation, "results", lambda self: {"runs": list(asked)})
    places = []
    monkeypatch.setattr(work, "require_writable", lambda *given: places.append(given))
    lonely = Row(name="taught", says="z", changes={"teacher": "nobody"})
    results = table.run([*TABLE, lonely], (3, 5))
    assert asked == [("base", 3), ("damp", 3), ("base", 5), ("damp", 5)]
    assert before == [1, 2, 3]
    assert results == {"runs": asked} and len(json.loads(table.path.read_text())["runs"]) == 4
    output = table.base.output
    assert places == [(output / "results.json", output / "runs" / "result.json")]


def test_a_run_is_prepared_trained_measured_and_kept_by_its_options(table, monkeypatch):
    calls = []

    def learnt(recipe):
        options = recipe.options
        calls.append(("learn", options, recipe.digits))
        options.folder.mkdir(parents=True)
        for name in ("checkpoint.pt", "float.safetensors"):
            (options.folder / name).write_text("large")
        return "learner"

    fakes = {
        "prepare": lambda options: calls.append(("prepare", options)),
        "learn": learnt,
        "measure": lambda *given: calls.append(("measure", *given)) or {"psnr_mean": 20.0},
        "commit": lambda: "c0ffee",
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(work, name, fake)
    row = TABLE[1]
    result, options = table.result(row, 7), table.options(row, 7)
    assert (options.seed, options.damage, options.qat_batches) == (7, 0.5, 2)
    assert options == replace(row.options(table.base, 7), output=options.output, name=options.name)
    assert calls == [
        ("prepare", options),
        ("learn", options, DIGITS),
        ("measure", "learner", DIGITS),
    ]
    assert result == {
        "row": "damp", "seed": 7, "psnr_mean": 20.0, "options": options.trained_with(),
        "data": DIGITS.digest, "commit": "c0ffee",
    }  # fmt: skip
    assert [path.name for path in options.folder.iterdir()] == ["result.json"]
    kept = json.loads((options.folder / "result.json").read_text())
    assert (kept["row"], kept["seed"], kept["commit"]) == ("damp", 7, "c0ffee")
    assert table.result(row, 7) == kept and len(calls) == 3
    assert table.results_of(row) == [kept] and table.results_of(TABLE[0]) == []


@pytest.mark.parametrize("lacks", ["row", "seed", "data"])
def test_a_result_that_is_not_whole_is_none(tmp_path, lacks):
    path, whole = tmp_path / "result.json", {"row": "x", "seed": 0, "data": "digest"}
    assert work.result_at(path) is None
    for found in (whole, {name: value for name, value in whole.items() if name != lacks}, [whole]):
        write_json(path, found)
        assert work.result_at(path) == (found if found == whole else None)


def test_a_distilled_run_is_named_by_its_own_teacher(table, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(work, "weights_of", lambda name: asked.append(name) or tmp_path / "w")
    (tmp_path / "w").write_text("weights")
    for teacher in ("unet", "mlp"):
        table.options(Row(name="x", says="x", changes={"teacher": teacher}), 0)
    assert asked == ["unet", "mlp"]


def test_results_are_of_all_that_is_kept(table, monkeypatch):
    monkeypatch.setattr(work, "machine", lambda: {"cores": 3})
    for row, seeds in zip(TABLE, ((1, 0), (10, 1)), strict=True):
        for seed in seeds:
            path = table.options(row, seed).folder / "result.json"
            write_json(path, found(row.name, seed, psnr_mean=20.0 + seed + (row.name == "damp")))
    assert table.seeds(TABLE[0]) == [0, 1] and table.seeds(TABLE[1]) == [1, 10]
    results = table.results()
    rows = results.pop("rows")
    assert results == {
        "batches": 8, "qat_batches": 4, "qat_rate": 0.002, "batch": 2,
        "data": {"source": "nowhere", "sha256": DIGITS.digest},
        "digits": {"rows": "test", "images": 6}, "machine": {"cores": 3},
    }  # fmt: skip
    assert [row["name"] for row in rows] == ["base", "damp"]
    assert [row["changes"] for row in rows] == [{}, {"damage": 0.5, "qat_batches": 2}]
    assert [[run["seed"] for run in row["runs"]] for row in rows] == [[0, 1], [1, 10]]
    assert [row["psnr_to_base"] for row in rows] == [None, 1.0], "by the seed that both have"


def learner_of(gate, bits=8):
    skeleton = calibrated(replace(SPEC, gate=gate), RNG)
    digests = []

    def weights(digest=None):
        digests.append(digest)
        return "network"

    return SimpleNamespace(
        rule=SimpleNamespace(weights=lambda: skeleton),
        gate=gate and SimpleNamespace(weights=weights, plane_bits=bits),
        seconds=12.345,
        digests=digests,
        skeleton=skeleton,
    )


@pytest.mark.parametrize(("gate", "bits"), [(GATE, 8), (GATE, 4), (None, 8)])
def test_a_learner_is_measured_on_its_first_digits_with_its_gate(monkeypatch, gate, bits):
    asked = []

    def evaluate(device, network, digits, *, steps):
        asked.append((device.skeletons, network, digits, steps))
        scores = {"psnr_mean": 21.0, "psnr_of_mean": 1.0, "digit_id": 96.0}
        return {"rows": "test", "images": 5, "restored": scores, "blanked": {}, "seconds": 99.0}

    monkeypatch.setattr(work, "evaluate", evaluate)
    many = Digits(DIGITS.train_images, DIGITS.train_labels, np.zeros((2001, 6, 6), np.uint8),
                  np.arange(2001) % 10, "many")  # fmt: skip
    learner = learner_of(gate, bits)
    result = measure(learner, many)
    ((skeletons, used, judged, steps),) = asked
    assert skeletons == (learner.skeleton,) and steps == 3
    assert used == (gate and "network")
    assert learner.digests == ([learner.skeleton.digest] if gate else [])
    assert (judged.rows, len(judged.images), judged.labels[-1]) == ("test", 2000, 9)
    assert result == {
        "psnr_mean": 21.0, "digit_id": 96.0, "rows": "test", "images": 5,
        "link_bytes": link_bytes(learner.skeleton.spec, bits), "seconds": 12.3,
        "skeleton": learner.skeleton.digest,
    }  # fmt: skip


def test_rows_that_are_published_are_those_of_the_table():
    published = json.loads((ROOT / "docs" / "ablation.json").read_text())
    base = Options(batches=published["batches"], qat_batches=published["qat_batches"])
    told = [(row["name"], row["says"], row["changes"]) for row in published["rows"]]
    assert told == [(row.name, row.says, row.given(base)) for row in ROWS]
    assert published["digits"]["images"] == work.DIGITS
    for row, each in zip(published["rows"], ROWS, strict=True):
        options = each.options(base, 0)
        assert row["link_bytes"] == link_bytes(options.spec, options.plane_bits)


@pytest.mark.parametrize("name", ["x", "bas", "base,", ""])
def test_rows_that_are_not_there_are_refused(name):
    with pytest.raises(InputError, match=f"^Row must be one of base, damp, not {name!r}$"):
        choose_rows(["base", name], TABLE)


RESULTS = {"digits": {"rows": "test", "images": 6}, "rows": []}


@pytest.mark.parametrize("part", ["ablation", "seeds"])
def test_results_go_to_docs_under_the_name_of_their_part(tmp_path, part):
    source, folder = tmp_path / "results.json", tmp_path / "docs"
    write_json(source, RESULTS)
    text = f"{folder} must be a folder: only a checkout of the project has docs"
    with pytest.raises(InputError) as error:
        page.publish(source, part, folder)
    assert str(error.value) == text
    folder.mkdir()
    assert page.publish(source, part, folder) == folder / f"{part}.json"
    assert [path.name for path in folder.iterdir()] == [f"{part}.json"]
    assert (folder / f"{part}.json").read_text() == source.read_text()


def test_a_part_that_cannot_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "seeds.json").mkdir()
    page.require_publishable("test", "ablation", tmp_path)
    with pytest.raises(InputError, match=r"seeds\.json must be a file to write, not a folder"):
        page.require_publishable("test", "seeds", tmp_path)
    with pytest.raises(InputError, match=r"^Results in docs must be of MNIST's test digits"):
        page.require_publishable("show", "ablation", tmp_path)


def test_each_part_shows_its_own_file(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "head", lambda results: f"head of {results['n']}\n")
    for number, name in enumerate(page.PARTS):
        monkeypatch.setitem(page.PARTS, name, lambda results, name=name: f"{name} {results['n']}")
        write_json(tmp_path / f"{name}.json", {"n": number})
    assert page.parts(tmp_path) == {
        "ablation": "head of 0\n\nablation 0", "seeds": "head of 1\n\nseeds 1",
    }  # fmt: skip


@pytest.mark.parametrize("part", ["ablation", "seeds"])
def test_the_command_asks_before_the_work_and_publishes_after(thalweg, monkeypatch, part):
    calls = []
    some = replace(DIGITS, test_images=np.zeros((3, 28, 28), np.uint8), test_labels=np.arange(3))
    monkeypatch.setattr("sw.data.load.load", lambda data, download: some)
    monkeypatch.setattr(page, "require_publishable", lambda *given: calls.append(given))
    monkeypatch.setattr(page, "publish", lambda *given: calls.append(given) or "docs of it")
    monkeypatch.setattr(Ablation, "run", lambda self, *given: calls.append("run") or RESULTS)
    monkeypatch.setitem(page.PARTS, part, lambda results: "a page")
    monkeypatch.setattr("sw.cli.docs.docs", lambda: calls.append("docs"))
    code, out, _ = thalweg("ablate", "--output", "o", "--docs", "--part", part)
    assert (code, out) == (0, "a page\nwrote o/results.json\nwrote docs of it\n")
    path = Ablation(Options(output=Path("o")), DIGITS).path
    assert calls == [("test", part), "run", (path, part), "docs"]
