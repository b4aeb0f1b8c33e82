"""`thalweg eval`: every option reaches what restores, judges, draws and writes."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from sw.data.load import show_digits
from sw.judge.evaluate import Judged
from tests.recorded import Calls

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


def digits_of(count):
    """Return what is played as the data: digits of which so many are judged."""
    images, labels = (rows[:count] for rows in show_digits())
    return Judged("test", images, labels)


@pytest.fixture
def evaluated(monkeypatch, folder):
    """Have `thalweg eval` restore nothing; return what it calls."""
    calls = Calls()
    monkeypatch.setattr("sw.data.load.load", calls.fake("load", "digits"))
    monkeypatch.setattr("sw.judge.evaluate.images_to_judge", calls.fake("judged", digits_of(3)))
    monkeypatch.setattr("sw.judge.evaluate.require_size", calls.fake("require_size"))
    monkeypatch.setattr(
        "sw.judge.evaluate.evaluate", calls.fake("evaluate", {"device": "told last"})
    )
    monkeypatch.setattr("sw.judge.evaluate.show", calls.fake("show"))
    monkeypatch.setattr("sw.cli.eval.open_device", calls.fake("open", "a device"))
    return calls


@pytest.mark.parametrize("gated", [True, False])
def test_an_evaluation_of_one_skeleton_is_told_every_option(
    thalweg, evaluated, folder, tmp_path, gated
):
    file = tmp_path / "sub" / "x.json"
    words = ("--device", "serial:/dev/x", "--images", 3, "--steps", 4, "--damage", 0.25,
             "--filters", 2, "--baud", 9600, "--data", "d", "--output", file)  # fmt: skip
    code, out, _ = thalweg("eval", folder, *words, *([] if gated else ["--no-gate"]))
    assert (code, out) == (0, f"wrote {file}\n")
    order = ["load", "judged", "require_size", "open", "evaluate", "show"]
    assert evaluated.names == order
    assert evaluated.of("load") == ((Path("d"),), {"download": True})
    assert evaluated.of("judged") == (("digits", 3), {})
    (name, skeletons, *rest), _ = evaluated.of("open")
    assert (name, rest, [each.name for each in skeletons]) == (
        "serial:/dev/x",
        [2, 9600],
        ["random"],
    )
    (device, network, digits), options = evaluated.of("evaluate")
    assert device == "a device" and (network is not None) == gated
    assert len(digits.images) == 3 and callable(options.pop("progress"))
    assert options.pop("reader").args[0] == "digits"
    assert options == {"steps": 4, "share": 0.25}
    found = json.loads(file.read_text())
    assert found == {"skeleton": "random", "skeleton_digest": skeletons[0].digest,
                     "device": "told last"}  # fmt: skip
    assert evaluated.of("show") == ((found,), {})


def test_an_evaluation_does_the_usual_and_writes_nothing_unless_told(
    thalweg, evaluated, folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert thalweg("eval", folder)[:2] == (0, "")
    assert evaluated.of("judged") == (("digits", None), {})
    (name, _, *rest), _ = evaluated.of("open")
    assert (name, rest) == ("golden", [5, 3_000_000])
    _, options = evaluated.of("evaluate")
    assert (options["steps"], options["share"]) == (10, 0.7)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_evaluation_takes_the_gate_named(thalweg, evaluated, folder, monkeypatch):
    skeleton = SimpleNamespace(name="n", digest="d", spec=SimpleNamespace(steps=6))
    found = evaluated.fake("load_run", (skeleton, "network"))
    monkeypatch.setattr("sw.runs.loading.load_run", found)
    assert thalweg("eval", "n", "--gate", "g")[0] == 0
    assert evaluated.of("load_run") == (("n", Path("g")), {})
    (_, network, _), options = evaluated.of("evaluate")
    assert (network, options["steps"]) == ("network", 6)
    shown, _ = evaluated.of("show")
    assert shown[0] == {"skeleton": "n", "skeleton_digest": "d", "device": "told last"}


REFUSED = [
    *(((option, "x"), option) for option in ("--gate", "--device")),
    (("--no-gate",), "--no-gate"), (("--steps", 0), "--steps"), (("--damage", 0.5), "--damage"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "option"), REFUSED)
def test_the_table_of_everything_takes_no_option_of_one_skeleton(fails, words, option):
    fails(f"{option} must come with a skeleton", "eval", *words)


@pytest.mark.parametrize("option", ["--curves", "--ship"])
def test_one_skeleton_takes_no_option_of_the_table(fails, option):
    fails(f"{option} must come without a skeleton", "eval", "digits", option)


@pytest.fixture
def tabled(monkeypatch):
    """Have the table of everything measure nothing; return what is called."""
    calls = Calls()
    found = SimpleNamespace(train_images="training", test_images=None)
    monkeypatch.setattr("sw.data.load.load", calls.fake("load", found))
    monkeypatch.setattr("sw.judge.evaluate.digits_to_judge", calls.fake("judged", digits_of(2)))
    monkeypatch.setattr("sw.runs.memory.keep_memory", calls.fake("keep_memory"))
    monkeypatch.setattr(
        "sw.experiments.table.subjects.subjects", calls.fake("subjects", ("one", "two"))
    )
    monkeypatch.setattr("sw.experiments.table.measure.Store", calls.fake("Store", "store"))
    monkeypatch.setattr("sw.experiments.table.make.rows", calls.fake("rows", ["rows"]))
    monkeypatch.setattr("sw.experiments.table.make.curves", calls.fake("curves", ["points"]))
    for name, gives in (
        ("require_shippable", None), ("remove_curves", ()), ("draw_rows", None),
        ("draw_curves", None), ("result_table", "a table"), ("curve_table", "a curve"),
        ("ship", None),
    ):  # fmt: skip
        monkeypatch.setattr(f"sw.experiments.table.report.{name}", calls.fake(name, gives))
    monkeypatch.setattr("sw.cli.eval.open_device", calls.fake("open", "a device"))
    monkeypatch.setattr("sw.cli.eval.chip_digest", calls.fake("chip_digest", "a digest"))
    return calls


def test_the_table_of_everything_is_told_every_option(thalweg, tabled, tmp_path):
    file = tmp_path / "t.json"
    words = ("--images", 2, "--data", "d", "--output", file, "--filters", 2, "--curves", "--ship")
    code, out, _ = thalweg("eval", *words)
    assert (code, out) == (0, f"a table\na curve\nwrote {file}\n")
    assert tabled.names == [
        "load", "judged", "require_shippable", "keep_memory", "subjects", "Store", "rows",
        "draw_rows", "curves", "draw_curves", "result_table", "curve_table", "ship",
    ]  # fmt: skip
    assert tabled.of("load") == ((Path("d"),), {"download": True})
    assert tabled.of("judged")[0][1] == 2
    assert tabled.of("require_shippable") == ((["test"],), {})
    assert tabled.of("Store") == ((tmp_path / "kept",), {})
    for name in ("rows", "curves"):
        (listed, digits, store, progress), _ = tabled.of(name)
        assert (listed, digits.rows, store, callable(progress)) == (
            ["one", "two"], "test", "store", True,
        )  # fmt: skip
    assert tabled.of("draw_rows") == ((["rows"], tmp_path / "t.png"), {})
    assert tabled.of("draw_curves") == ((["points"], tmp_path / "curves.png"), {})
    assert tabled.of("ship") == ((file, ["rows"], ["points"]), {})
    assert json.loads(file.read_text()) == ["rows"]
    assert json.loads((tmp_path / "curves.json").read_text()) == ["points"]


def test_the_chip_of_the_table_has_the_filters(thalweg, tabled, tmp_path):
    thalweg("eval", "--filters", 2, "--output", tmp_path / "t.json")
    (training, chip, digest), _ = tabled.of("subjects")
    assert training == "training" and chip("skeleton") == "a device"
    assert tabled.of("open") == (("simulated", ("skeleton",), 2), {})
    assert digest("skeleton") == "a digest"
    assert tabled.of("chip_digest") == (("skeleton", 2), {})


def test_the_table_lies_in_build_and_is_neither_shipped_nor_drawn_as_curves_unless_told(
    thalweg, tabled, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, out, _ = thalweg("eval")
    assert (code, out) == (0, "a table\n\nwrote build/eval/results.json\n")
    assert not {"curves", "draw_curves", "ship", "require_shippable"} & {*tabled.names}
    assert tabled.of("remove_curves") == ((Path("build/eval"),), {})
    assert tabled.of("judged")[0][1] is None
    (tmp_path / "build/eval/kept/results.json").mkdir()
    assert thalweg("eval")[0] == 2  # where the store would put its own
