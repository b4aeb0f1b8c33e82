"""The table's way from subjects to kept rows and points, and to pictures: nothing is mixed up."""

import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from golden.errors import InputError
from golden.skeleton import SHIPPED as SKELETONS
from golden.skeleton import Skeleton
from sw.cli.common import progress
from sw.data.load import Digits
from sw.experiments.table import make, report, subjects
from sw.experiments.table.measure import DAMAGES, KEYS, Store, point, row, score
from sw.experiments.table.subject import Subject
from sw.judge.evaluate import Judged
from tests.memory_toys import Referee, digits

MANY = Judged("test", np.zeros((2001, 2, 2), np.uint8), np.arange(2001))
ONE = Subject(name="one", version=1, restore=lambda *given: None, curve=True)
TWO = replace(ONE, name="two", most=3)
THREE = replace(ONE, name="three", most=2002, curve=False)


@pytest.fixture
def calls(monkeypatch):
    """What was asked of the measurement: the bar's label and length, then its arguments."""
    found = []

    @contextmanager
    def bar(*of):
        found.append(of)
        yield of

    def fake(subject, some, *rest):
        found.append((subject.name, len(some.images), len(some.labels), some.rows, *rest))
        return dict.fromkeys(KEYS) | {"ssim": subject.name, "name": "of another"}

    monkeypatch.setattr(make, "row", fake)
    monkeypatch.setattr(make, "point", fake)
    monkeypatch.setattr(make.Referee, "load", lambda: "referee")
    return SimpleNamespace(bar=bar, found=found)


def test_every_row_is_of_its_subject_and_its_digits(calls, tmp_path):
    kept = Store(tmp_path)
    table = make.rows([ONE, TWO, THREE], MANY, kept, calls.bar)
    wanted = []
    for name, count in (("one", 2001), ("two", 3), ("three", 2001)):
        wanted += [(name, count), (name, count, count, "test", "referee", (name, count))]
    assert calls.found == wanted
    assert [each["ssim"] for each in table] == ["one", "two", "three"]
    assert all(tuple(each) == KEYS for each in table)
    assert len(list(tmp_path.iterdir())) == 3
    assert make.rows([ONE, TWO, THREE], MANY, kept, calls.bar) == table
    assert len(calls.found) == 6, "what is kept is not measured again"


def test_every_point_is_of_its_subject_and_its_damage(calls, tmp_path):
    kept = Store(tmp_path)
    points = make.curves([ONE, THREE, TWO], MANY, kept, calls.bar)
    wanted = []
    for name in ("one", "two"):
        for damage in DAMAGES:
            of = (f"{name}, {damage}", 2000)
            wanted += [of, (name, 2000, 2000, "test", damage, "referee", of)]
    assert calls.found == wanted
    assert [each["ssim"] for each in points] == ["one"] * len(DAMAGES) + ["two"] * len(DAMAGES)
    assert make.curves([ONE, TWO], MANY, kept, calls.bar) == points
    assert len(calls.found) == len(wanted)


def test_rows_and_points_hand_on_their_progress():
    given = []

    def restore(damaged, blanked, progress):
        given.append(progress)
        return damaged

    subject, few = replace(ONE, restore=restore), digits(5, 14)
    row(subject, few, Referee(), print)
    point(subject, few, "noise, sigma 0.3", Referee(), print)
    assert given == [print, print]


def test_digits_are_read_in_what_was_restored():
    few = digits(5, 14)
    restored = few.images.copy()
    restored[:, 0, 0] = few.labels
    restored[:2, 0, 0] += 1
    found = score(restored, few.images, few.labels, Referee())
    assert found["digit_id"] == 60.0
    assert set(found) == {"psnr_mean", "psnr_mse", "digit_id"}


POINTS = [
    {"name": name, "damage": damage, "psnr_mean": 10.0 * a + b, "digit_id": 50.0 + 10 * a + b}
    for a, name in enumerate(("x", "y"), 1)
    for b, damage in enumerate(("10% blanked", "14 x 14 block", "70% blanked", "noise, sigma 0.3"))
]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn."""
    found, save = [], Figure.savefig

    def saved(figure, *given, **named):
        found.append(figure)
        save(figure, *given, **named)

    monkeypatch.setattr(Figure, "savefig", saved)
    return found


def places(axes):
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]


def test_curves_are_drawn_by_share_and_other_damage_beside_them(drawn, tmp_path):
    report.draw_curves(POINTS, tmp_path / "curves.png")
    decibels, read = drawn[0].axes
    shares, beside = [10.0, 70.0], [105, 115]
    assert places(decibels) == [
        (shares, [10, 12]), (beside, [11, 13]), (shares, [20, 22]), (beside, [21, 23]),
    ]  # fmt: skip
    assert places(read) == [
        (shares, [60, 62]), (beside, [61, 63]), (shares, [70, 72]), (beside, [71, 73]),
    ]  # fmt: skip
    for axes, label in ((decibels, "mean PSNR in dB"), (read, "read right in %")):
        assert axes.get_ylabel() == label
        assert list(axes.get_xticks()) == shares + beside
        found = [each.get_text().strip() for each in axes.get_xticklabels()]
        assert found == ["10", "70", "block", "noise"]
        colours = [line.get_color() for line in axes.lines]
        assert colours[0] == colours[1] != colours[2] == colours[3]
    assert [each.get_text() for each in read.get_legend().get_texts()] == ["x", "y"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_rows_are_drawn_where_they_are_counted(drawn, tmp_path):
    of = {"name": "a", "macs": 2e6, "psnr_mean": 21.0, "psnr_mse": 1.0, "digit_id": 96.0}
    told = of | {"name": "b", "macs": 5e5, "psnr_mean": 22.0, "given_mask": True}
    rows = [of | {"given_mask": False}, told, told | {"macs": None}, told | {"macs": 0}]
    rows += [told | {"name": f"b{end}"} for end in report.TWINS]  # the same skeleton once more
    report.draw_rows(rows, tmp_path / "rows.png")
    (axes,) = drawn[0].axes
    assert places(axes) == [([2.0], [21.0]), ([0.5], [22.0])]
    assert [line.get_marker() for line in axes.lines] == ["o", "s"]
    assert axes.lines[0].get_color() != axes.lines[1].get_color()
    assert [(each.get_text(), each.xy) for each in axes.texts] == [
        ("a, 96.0 %", (2.0, 21.0)), ("b, 96.0 %", (0.5, 22.0)),
    ]  # fmt: skip
    assert axes.get_xscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "million multiply-accumulates a digit", "mean PSNR in dB",
    )  # fmt: skip
    assert (tmp_path / "rows.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("macs", "text"), [(0, "0"), (9999, "9,999"), (10_000, "0.01 M")])
def test_few_multiply_accumulates_are_written_out(macs, text):
    assert report.amount(macs) == text


SHIPPED = {
    "results.json": "table.json",
    "results.png": "table.png",
    "curves.json": "curves.json",
    "curves.png": "curves.png",
}


@pytest.mark.parametrize("points", [[], POINTS], ids=["table alone", "with curves"])
def test_what_was_measured_is_copied_to_docs(monkeypatch, tmp_path, points):
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    for name in SHIPPED.values():
        (tmp_path / name).write_text(f"text of {name}")
    report.ship(tmp_path / "table.json", [{"rows": "test"}, {"rows": "test"}], points)
    found = {path.name: path.read_text() for path in (tmp_path / "docs").iterdir()}
    wanted = {name: f"text of {source}" for name, source in SHIPPED.items()}
    assert found == (wanted if points else dict(list(wanted.items())[:2]))


@pytest.mark.parametrize("rows", [["show", "test"], ["test", "show"]])
def test_one_row_of_show_digits_keeps_a_table_from_docs(monkeypatch, tmp_path, rows):
    monkeypatch.setattr(report, "ROOT", tmp_path)
    with pytest.raises(InputError) as error:
        report.require_shippable(["test"])
    text = f"{tmp_path / 'docs'} must be a folder: only a checkout of the project has docs"
    assert str(error.value) == text
    (tmp_path / "docs").mkdir()
    report.require_shippable(["test", "test"])
    with pytest.raises(InputError, match=r"^Results in docs must be of MNIST's test digits"):
        report.ship(tmp_path / "table.json", [{"rows": each} for each in rows], [])
    assert not list((tmp_path / "docs").iterdir())


def test_each_part_of_the_page_is_made_of_its_own_file(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "results.json").write_text(json.dumps(["rows"]))
    (tmp_path / "docs" / "curves.json").write_text(json.dumps(["points"]))
    monkeypatch.setattr(report, "result_table", lambda rows: f"table of {rows}")
    monkeypatch.setattr(report, "curve_table", lambda points: f"curves of {points}")
    monkeypatch.setattr(report, "baselines", lambda: "trained")
    assert report.compared_parts() == {
        "results": "table of ['rows']", "curves": "curves of ['points']", "baselines": "trained",
    }  # fmt: skip


@pytest.mark.parametrize("field", ["name", "damage", "psnr_mean"])
def test_files_that_hold_no_points_stay(tmp_path, field):
    path = tmp_path / "curves.json"
    other = [dict(POINTS[0]), {key: POINTS[0][key] for key in POINTS[0] if key != field}]
    path.write_text(json.dumps(other))
    assert report.remove_curves(tmp_path) == [] and path.exists()
    path.write_text(json.dumps(POINTS))
    assert report.remove_curves(tmp_path) == [path] and not path.exists()


@pytest.mark.parametrize("curves", [False, True])
def test_the_command_hands_on_what_it_has(thalweg, monkeypatch, tmp_path, curves):
    some = Digits(np.ones((3, 28, 28), np.uint8), np.arange(3), np.zeros((9, 28, 28), np.uint8),
                  np.arange(9), "some")  # fmt: skip
    calls = []

    def fake(module, name, result=None):
        def call(*given):
            calls.append((name, *given))
            return result

        monkeypatch.setattr(module, name, call)

    def asked(data, download):
        calls.append(("load", data, download))
        return some

    monkeypatch.setattr("sw.data.load.load", asked)
    monkeypatch.setattr("sw.runs.writable.require_writable", lambda *given: calls.append(given))
    fake(subjects, "subjects", [ONE])
    fake(make, "rows", [{"rows": "test"}])
    fake(make, "curves", POINTS)
    for name in ("require_shippable", "remove_curves", "draw_rows", "draw_curves", "ship"):
        fake(report, name, [])
    fake(report, "result_table", "a table")
    fake(report, "curve_table", "points")
    output = tmp_path / "o" / "t.json"
    output.parent.mkdir()
    words = ("--images", 4, "--filters", 2, "--data", tmp_path, "--output", output, "--ship")
    code, out, _ = thalweg("eval", *words, *["--curves"] * curves)
    assert (code, out) == (0, f"a table\n{'points' if curves else ''}\nwrote {output}\n")
    listed, rows = ([each for each in calls if each[0] == name] for name in ("subjects", "rows"))
    ((_, training, opened, _),), ((_, *subject, digits, store, bar),) = listed, rows
    assert training is some.train_images and subject == [[ONE]] and bar is progress
    assert (digits.rows, len(digits.images), store.folder) == ("test", 4, output.parent / "kept")
    assert calls[0] == ("load", tmp_path, True)
    assert ("require_shippable", ["test"]) in calls
    assert (output, output.parent / "kept" / "t.json") in calls
    assert ("draw_rows", [{"rows": "test"}], output.with_suffix(".png")) in calls
    assert calls[-1] == ("ship", output, [{"rows": "test"}], POINTS if curves else [])
    assert json.loads(output.read_text()) == [{"rows": "test"}]
    assert ("remove_curves" in [each[0] for each in calls]) != curves
    if curves:
        assert ("curves", [ONE], digits, store, progress) in calls
        assert ("draw_curves", POINTS, output.parent / "curves.png") in calls
        assert json.loads((output.parent / "curves.json").read_text()) == POINTS
    for name in ("digits", "digits-ca"):
        monkeypatch.setitem(
            sys.modules, "sim.devices.device", SimpleNamespace(SimulatedDevice=Chip)
        )
        skeleton = Skeleton.load(SKELETONS / name)
        chip = opened(skeleton)
        assert chip.made == ((skeleton,), 2)


class Chip:
    """Remembers what it was made of."""

    def __init__(self, skeletons, *, filters):
        self.made = tuple(skeletons), filters
