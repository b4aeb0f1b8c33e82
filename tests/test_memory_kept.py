"""What is kept of the memory experiments: found again only where nothing has changed, and whole."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.gate import GateLayer, GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED
from golden.spec import Gate, Spec
from sw.experiments import kept
from sw.experiments.memory import holding, letters, page, supply, valleys
from sw.experiments.memory.catalogue import EXPERIMENTS
from sw.experiments.memory.run import keeper, run
from sw.experiments.memory.task import Outcome, Task, at_least
from sw.judge import referee
from sw.judge.evaluate import Judged
from sw.model.baselines.shelf import SHIPPED as WEIGHTS

GATE = Gate(input_channel=0, output_channel=1, start=1)
SPEC = Spec(height=8, width=8, channels=4, multiplier=2, image=6, gate=GATE)


def digits(rows="test", seed=0):
    rng = np.random.default_rng(seed)
    return Judged(rows, rng.integers(0, 256, (3, 6, 6)).astype(np.uint8), np.arange(3))


def changed(array):
    """Return the array with its last number moved by one."""
    other = array.copy()
    other.flat[-1] += 1 if other.flat[-1] < np.iinfo(other.dtype).max else -1
    return other


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    own, other = network(SPEC, rng), network(SPEC, rng)
    letters = digits("letters-upper", seed=1)
    return Task(calibrated(SPEC, rng), own, digits(), letters=letters, gates={"only": other})


def of_layer(answers, layer, part):
    layers = {name: getattr(answers, name) for name in ("hidden", "output")}
    codes = {name: getattr(layers[layer], name) for name in ("weight", "bias", "shift")}
    layers[layer] = GateLayer(**codes | {part: changed(codes[part])})
    return GateNetwork(**layers)


def of_skeleton(task, layer, part):
    before = getattr(task.skeleton, layer)
    codes = {name: getattr(before, name) for name in ("weight", "bias", "shift")}
    after = type(before)(**codes | {part: changed(np.asarray(codes[part]))})
    return replace(task, skeleton=replace(task.skeleton, **{layer: after}))


def of_spec(task, **values):
    return replace(task, skeleton=replace(task.skeleton, spec=replace(SPEC, **values)))


PARTS = [(a, b) for a in ("hidden", "output") for b in ("weight", "bias", "shift")]
CHANGES = {
    **{
        f"skeleton.{a}.{b}": (lambda task, a=a, b=b: of_skeleton(task, a, b))
        for a in ("encode", "perceive", "update", "readout")
        for b in ("weight", "bias", "shift")
    },
    **{
        f"gate.{a}.{b}": (
            lambda task, a=a, b=b: replace(task, network=of_layer(task.network, a, b))
        )
        for a, b in PARTS
    },
    "spec.steps": lambda task: of_spec(task, steps=11),
    "spec.gate": lambda task: of_spec(task, gate=replace(GATE, mapping="phase4")),
    "no gate": lambda task: replace(task, network=None),
    "rows": lambda task: replace(task, digits=task.digits._replace(rows="show")),
    "images": lambda task: replace(
        task, digits=task.digits._replace(images=changed(task.digits.images))
    ),
    "labels": lambda task: replace(
        task, digits=task.digits._replace(labels=changed(task.digits.labels))
    ),
    "noise": lambda task: replace(task, noise=101),
    "seed": lambda task: replace(task, seed=1),
    "chip": lambda task: replace(task, chip=lambda skeleton: None),
    "toggles": lambda task: replace(task, toggles=lambda *run: {}),
    "chip_digest": lambda task: replace(task, chip_digest="a digest"),
}
OF_LETTERS = {
    **{
        f"another gate.{a}.{b}": (
            lambda task, a=a, b=b: replace(task, gates={"only": of_layer(task.gates["only"], a, b)})
        )
        for a, b in PARTS
    },
    "gates": lambda task: replace(task, gates={"stored": task.gates["only"]}),
    "letters": lambda task: replace(task, letters=task.letters._replace(rows="letters-lower")),
    "letters.images": lambda task: replace(
        task, letters=task.letters._replace(images=changed(task.letters.images))
    ),
    "letters.labels": lambda task: replace(
        task, letters=task.letters._replace(labels=changed(task.letters.labels))
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_an_outcome_depends_on_every_number_of_its_task(task, change):
    for experiment in (holding.EXPERIMENT, letters.EXPERIMENT):
        assert experiment.key(change(task)) != experiment.key(task)


@pytest.mark.parametrize("change", OF_LETTERS.values(), ids=OF_LETTERS.keys())
def test_letters_depend_on_every_number_of_letters_and_gates(task, change):
    assert letters.EXPERIMENT.key(change(task)) != letters.EXPERIMENT.key(task)
    assert holding.EXPERIMENT.key(change(task)) == holding.EXPERIMENT.key(task)


def test_how_a_run_is_shown_decides_nothing(task):
    shown = replace(task, keep=keeper(Path("x")), progress=lambda label, total: None)
    assert holding.EXPERIMENT.key(shown) == holding.EXPERIMENT.key(task)
    assert len({each.key(task) for each in EXPERIMENTS}) == len(EXPERIMENTS)


def test_a_raised_version_costs_its_own_experiment_and_no_other(task):
    before = {each.name: each.key(task) for each in EXPERIMENTS}
    for each in EXPERIMENTS:
        raised = replace(each, version=each.version + 1)
        assert raised.key(task) not in before.values() and each.key(task) == before[each.name]


FILES = ("skeleton.json", "gate.safetensors")
BESIDES = {
    "holding": [SHIPPED / "digits" / name for name in FILES],
    "pair": [
        SHIPPED / skeleton / name for skeleton in ("digits-mend", "digits-hold") for name in FILES
    ],
    "compute": [WEIGHTS / "autoencoder.safetensors"],
}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_an_outcome_depends_on_the_weights_besides_its_task(task, experiment, monkeypatch):
    assert [*experiment.besides] == BESIDES.get(experiment.name, [])
    keys = {experiment.key(task)}
    for changed in (referee.WEIGHTS, *experiment.besides):
        monkeypatch.setattr(kept, "read_bytes", lambda path, changed=changed: (
            b"other" if path == changed else path.read_bytes()
        ))  # fmt: skip
        keys.add(experiment.key(task))
    assert len(keys) == 2 + len(experiment.besides)


def test_an_outcome_on_the_chip_depends_on_its_verilog(task):
    chips = [replace(task, chip=print, chip_digest=text) for text in ("one", "two")]
    key = valleys.EXPERIMENT.key
    assert key(chips[0]) != key(chips[1])


def test_a_changed_an_empty_and_a_missing_file_are_other_outcomes(task, monkeypatch):
    key = valleys.EXPERIMENT.key
    found = [key(task)]
    for text in (b"other", b""):
        monkeypatch.setattr(kept, "read_bytes", lambda path, text=text: text)
        found.append(key(task))
    monkeypatch.setattr(kept, "is_file", lambda path: False)
    found.append(key(task))
    assert len({*found}) == 4


class Counted:
    """A stand-in for valleys that counts how often it is measured, and draws what it is told to."""

    def __init__(self, task, folder):
        self.task, self.folder, self.calls, self.pictures = task, folder, 0, ()

    def __call__(self):
        stand_in = replace(
            valleys.EXPERIMENT,
            measure=self.measure,
            bars=lambda results: [at_least("calls", results["calls"], 1)],
            draw=self.draw,
        )
        return run(self.task, [stand_in], self.folder, lambda line: None)["experiments"]["valleys"]

    def measure(self, task):
        self.calls += 1
        return Outcome({"calls": self.calls}, {"three": np.arange(300)})

    def draw(self, outcome, folder):
        for name in self.pictures:
            (folder / name).write_bytes(b"new")
        return [folder / name for name in self.pictures]


@pytest.fixture
def counted(task, tmp_path):
    return Counted(task, tmp_path)


BREAKS = {
    "cut off": lambda raw: raw[: len(raw) // 2],
    "empty": lambda raw: b"",
    "zeros": lambda raw: bytes(len(raw)),
    "something else": lambda raw: b"null",
}


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS.keys())
def test_what_is_kept_is_believed_only_whole(counted, tmp_path, suffix, broken):
    assert counted() == counted() == {"calls": 1}
    (path,) = (tmp_path / "kept").glob(f"*{suffix}")
    path.write_bytes(broken(path.read_bytes()))
    assert counted() == counted() == {"calls": 2}
    path.unlink()
    assert counted() == counted() == {"calls": 3}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS.keys())
def test_a_part_is_believed_only_whole(tmp_path, broken):
    calls = []

    def make():
        calls.append(1)
        return {"a": np.arange(500) % 7, "b": np.ones((2, 3), bool)}

    for count in (1, 1):
        found = keeper(tmp_path)("part-0", make)
        assert len(calls) == count and list(found) == ["a", "b"]
    part = tmp_path / "part-0.npz"
    part.write_bytes(broken(part.read_bytes()))
    for count in (2, 2):
        found = keeper(tmp_path)("part-0", make)
        assert len(calls) == count
        assert found["a"].tolist() == [*map(int, np.arange(500) % 7)] and found["b"].all()


def test_a_flipped_bit_in_a_part_is_seen(tmp_path):
    make = iter([{"a": np.arange(500)}, {"a": np.zeros(3)}])
    keeper(tmp_path)("part", lambda: next(make))
    part = tmp_path / "part.npz"
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 3] ^= 4
    part.write_bytes(raw)
    assert keeper(tmp_path)("part", lambda: next(make))["a"].tolist() == [0, 0, 0]


def test_pictures_of_an_earlier_run_are_not_left(counted, tmp_path):
    (tmp_path / "mine.png").write_bytes(b"mine")
    counted.pictures = (
        "a.png",
        "b.gif",
        "c.png",
    )
    counted()
    counted.pictures = (
        "c.png",
        "d.png",
    )
    counted()
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert names == {"mine.png", "c.png", "d.png", "memory.json"}
    assert json.loads((tmp_path / "memory.json").read_text())["pictures"] == ["c.png", "d.png"]


@pytest.mark.parametrize("text", ['{"pictures": ["../a.png", "memory.json", 7]}', "[]", "{ broken"])
def test_a_foreign_report_has_nothing_removed(counted, tmp_path, text):
    outside = tmp_path.parent / "a.png"
    outside.write_bytes(b"mine")
    (tmp_path / "memory.json").write_text(text)
    counted.pictures = ("c.png",)
    counted()
    assert outside.read_bytes() == b"mine"
    assert json.loads((tmp_path / "memory.json").read_text())["pictures"] == ["c.png"]


def test_the_report_comes_last(counted, tmp_path):
    counted.pictures = ("a.png",)
    counted()
    before = (tmp_path / "memory.json").read_bytes()

    def fail(outcome, folder):
        raise KeyboardInterrupt

    counted.draw = fail
    with pytest.raises(KeyboardInterrupt):
        counted()
    assert (tmp_path / "memory.json").read_bytes() == before and (tmp_path / "a.png").is_file()


def test_docs_keep_no_pictures_of_an_earlier_run(counted, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    counted.pictures = (
        "a.png",
        "b.png",
    )
    counted()
    page.publish(tmp_path, docs)
    counted.pictures = ("b.png",)
    counted()
    page.publish(tmp_path, docs)
    assert [path.name for path in (docs / "memory").iterdir()] == ["b.png"]


@pytest.mark.parametrize("place", ["", "kept", "memory.json"])
def test_a_folder_that_cannot_be_written_is_said_before_the_work(
    thalweg, tmp_path, monkeypatch, place
):
    monkeypatch.setattr("sw.experiments.memory.run.outcome_of", None)
    monkeypatch.setattr("sw.data.load.load", lambda *given, **options: None)
    monkeypatch.setattr("sw.judge.evaluate.digits_to_judge", lambda data, count: digits())
    monkeypatch.setattr(supply, "letters_at", lambda *given: None)
    monkeypatch.setattr("sw.judge.evaluate.require_size", lambda digits, skeleton: None)
    wrong = tmp_path / "out" / place if place else tmp_path / "out"
    if place == "memory.json":
        wrong.mkdir(parents=True)
    else:
        wrong.parent.mkdir(exist_ok=True)
        wrong.write_text("a file")
    code, out, error = thalweg("memory", "valleys", "--no-chip", "--output", tmp_path / "out")
    wanted = {"memory.json": "a file to write, not a folder"}.get(
        place, "a writable folder: File exists"
    )
    assert (code, out, error) == (2, "", f"thalweg: {wrong} must be {wanted}\n")
