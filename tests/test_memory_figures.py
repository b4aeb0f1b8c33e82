"""Figures of docs/memory.md from made-up results in which no two figures are the same."""

from itertools import count

import numpy as np
import pytest
from PIL import Image

from sw.experiments.memory import (
    compute_figure,
    damage_figure,
    falling_figure,
    holding_figure,
    landscape_figure,
    letters_figure,
    saliency_figure,
    valleys_figure,
)
from sw.experiments.memory.falling import LOOKS
from sw.experiments.memory.task import Outcome
from sw.report.pictures import sheet


@pytest.fixture
def axes(monkeypatch):
    """What is drawn: the axes of every figure, in order."""
    from matplotlib import pyplot

    drawn, close = [], pyplot.close
    monkeypatch.setattr(pyplot, "close", drawn.append)
    yield lambda: [axis for each in drawn for axis in each.axes]
    for each in drawn:
        close(each)


def maker():
    """Return a function that makes scores of two new figures."""
    numbers = count(11)
    return lambda: {"psnr_mean": next(numbers), "digit_id": next(numbers)}


def lines(axis):
    """Return the points of each line of an axis, by its label."""
    return {line.get_label(): line.get_xydata().tolist() for line in axis.lines}


def points(x, y):
    return [list(pair) for pair in zip(x, y, strict=True)]


def labels(*found):
    """Return what the axes are called, across and up."""
    return [(axis.get_xlabel(), axis.get_ylabel()) for axis in found]


def pictures(*names):
    """Return different images under each name."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, (3, 4, 4), np.uint8) for name in names}


def is_sheet(path, columns, scale):
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), sheet(columns, scale))


def test_letters_have_a_bar_for_each_kind_and_gate(axes, tmp_path):
    make = maker()
    gates = {name: {"letters": make(), "digits": make()} for name in ("own", "only", "dreams")}
    arrays = pictures("letters", *(f"{name}: letters" for name in gates))
    paths = letters_figure.draw(Outcome({"gates": gates}, arrays), tmp_path)
    assert paths == [tmp_path / "letters.png", tmp_path / "letters-shown.png"]
    assert paths[0].exists()
    (axis,) = axes()
    bars = {kind.get_label(): kind.patches for kind in axis.containers}
    for kind in ("digits", "letters"):
        heights = [bar.get_height() for bar in bars[kind]]
        assert heights == [found[kind]["psnr_mean"] for found in gates.values()]
    ticks = axis.get_xticks()
    assert [label.get_text() for label in axis.get_xticklabels()] == list(gates)
    assert labels(axis) == [("", "mean PSNR in dB")]
    for left, tick, right in zip(bars["digits"], ticks, bars["letters"], strict=True):
        assert left.get_x() + left.get_width() <= tick <= right.get_x()
        assert right.get_x() + right.get_width() < tick + 0.5
    columns = {"letter": arrays["letters"]} | {name: arrays[f"{name}: letters"] for name in gates}
    is_sheet(paths[1], columns, 2)


def test_falling_shows_digits_above_noise_at_their_steps(tmp_path):
    rng = np.random.default_rng(0)
    # The film has sixteen greys.
    digits, noise = rng.integers(0, 2, (2, len(LOOKS), 4, 8, 8), np.uint8) * 255
    given = digits[0] ^ 255
    arrays = {"digits": digits, "noise": noise, "given": given, "steps": np.array(LOOKS)}
    strip, film = falling_figure.draw(Outcome({}, arrays), tmp_path)

    def rows(step, count):
        above = digits[LOOKS.index(step)] if step else given
        return np.concatenate([above[:count], noise[LOOKS.index(step), :count]])

    shown = (0, 1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 200)
    is_sheet(strip, {str(step): rows(step, 3) for step in shown}, 2)
    with Image.open(film) as pictures:
        assert pictures.n_frames == len(LOOKS)
        assert pictures.info["loop"] == 0, "for ever"
        for index, step in enumerate(LOOKS):
            pictures.seek(index)
            last = len(LOOKS) - 1
            assert pictures.info["duration"] == {0: 1250, last: 2500}.get(index, 120)
            found = np.asarray(pictures.convert("L"))[26:]
            cells = found.reshape(2, 30, -1)[:, :24, 6:].reshape(2, 24, 4, 30)[..., :24]
            images = cells.transpose(0, 2, 1, 3).reshape(8, 24, 24)[:, 1::3, 1::3]
            np.testing.assert_array_equal(images > 127, rows(step, 4) > 127, f"step {step}")


def test_saliency_has_a_row_for_each_opening_on_one_scale(axes, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"shown": np.zeros((2, 4, 4), np.uint8), "ink": np.array(64)}
    arrays["shown"][:, 1, 2] = 128  # half of it is where a pixel is ink from
    arrays |= {f"opening {step}": rng.normal(size=(2, 3, 3)) * step for step in (4, 7)}
    saliency_figure.draw(Outcome({}, arrays), tmp_path)
    grid = np.array(axes()).reshape(2, 2)
    for row, step in zip(grid, (4, 7), strict=True):
        found = arrays[f"opening {step}"]
        assert row[0].get_ylabel() == f"opening {step}"
        for axis, wanted in zip(row, found, strict=True):
            (image,) = axis.images
            np.testing.assert_array_equal(image.get_array(), wanted)
            assert image.get_clim() == (-abs(found).max(), abs(found).max())
            (ink,) = axis.collections
            corners = sorted({*map(tuple, ink.get_paths()[0].vertices.tolist())})
            assert corners == [(2, 1.5), (2.5, 1), (2.5, 2), (3, 1.5)], "about the pixel's middle"
            assert image.get_extent() == [-1, 5, 5, -1], "a block is two pixels; one is margin"


def test_holding_has_a_curve_and_the_struck(axes, tmp_path):
    make = maker()
    results = {
        "steps": {str(step): make() for step in (10, 20, 50, 200)},
        "struck": {"5": make(), "9": make()},
        "share_of_cells": 0.25,
    }
    named = ("blanked", "step 10", "step 20", "step 50", "step 200", "struck 5", "struck 9")
    arrays = pictures("originals", *(f"shown {name}" for name in named))
    arrays["later"] = np.array(10)
    _, path = holding_figure.draw(Outcome(results, arrays), tmp_path)
    assert labels(*axes()) == [("step", "mean PSNR in dB"), ("step", "read right in %")]
    for axis, key in zip(axes(), ("psnr_mean", "digit_id"), strict=True):
        kept, struck = ([found[key] for found in results[k].values()] for k in ("steps", "struck"))
        assert lines(axis) == {
            "left alone": points((10, 20, 50, 200), kept),
            "25% of the cells lost ten steps before": points((15, 19), struck),
        }
    shown = {name: arrays[f"shown {name}"] for name in named}
    is_sheet(path, {"original": arrays["originals"]} | shown, 2)


def test_damage_has_a_curve_for_each_step_and_a_panel_for_each_fault(axes, tmp_path):
    make = maker()
    lost = {share: {str(step): make() for step in range(1, 11)} for share in ("0", "0.25")}
    faults = {name: make() for name in ("flips 1e-4", "flips 1e-3", "channel 2", "rows 1")}
    results, arrays = {"lost": lost, "faults": faults, "whole": make()}, pictures("a", "b")
    paths = damage_figure.draw(Outcome(results, arrays), tmp_path)
    closeness, read, *panels = axes()
    lost_in = "cells lost in %"
    assert labels(closeness, read) == [(lost_in, "mean PSNR in dB"), (lost_in, "read right in %")]
    kinds = ("flips a bit and step", "channel stuck at 0", "dead rows")
    assert labels(*panels) == [*zip(kinds, ("read right in %", "", ""), strict=True)]
    for axis, key in ((closeness, "psnr_mean"), (read, "digit_id")):
        assert lines(axis) == {
            f"after step {step}": points((0, 25), [lost[share][str(step)][key] for share in lost])
            for step in (1, 3, 5, 9)
        }
    names = [name.split() for name in faults]
    for axis, kind in zip(panels, ("flips", "channel", "rows"), strict=True):
        whole, found = (line.get_ydata() for line in axis.lines)
        assert set(whole) == {results["whole"]["digit_id"]}
        assert [label.get_text() for label in axis.get_xticklabels()] == [
            strength for name, strength in names if name == kind
        ]
        assert list(found) == [
            found["digit_id"] for name, found in faults.items() if name.startswith(kind)
        ]
    is_sheet(paths[2], arrays, 3)


def test_compute_has_what_each_step_costs_and_gains(axes, tmp_path):
    make = maker()
    curves = {
        name: {step: {"macs": 10**6 * place * int(step)} | make() for step in ("1", "2")}
        for place, name in ((3, "rule"), (5, "rule and gate"))
    }
    toggles = {
        "rule": {"total": 2 * 10**9},
        "rule and gate": {"total": 4 * 10**9},
        "a step of a fallen digit": {"total": 150},
    }
    other = {"macs": 7_250_000} | make()
    results = {"curves": curves, "toggles": toggles, "autoencoder": other}
    compute_figure.draw(Outcome(results, {}), tmp_path)
    work, chip = axes()
    assert labels(work, chip) == [
        ("multiply-accumulates a digit, millions", "mean PSNR in dB"),
        ("toggles on the chip a digit, billions", "mean PSNR in dB"),
    ]
    gained = {
        name: [found["psnr_mean"] for found in each.values()] for name, each in curves.items()
    }
    curved = {
        "rule, steps 1 to 2": points((3, 6), gained["rule"]),
        "rule and gate, steps 1 to 2": points((5, 10), gained["rule and gate"]),
    }
    assert lines(work) == curved | {"auto-encoder": [[7.25, other["psnr_mean"]]]}
    assert lines(chip) == {
        "rule": [[2, gained["rule"][-1]]],
        "rule and gate": [[4, gained["rule and gate"][-1]]],
    }
    bare = results | {"toggles": None, "autoencoder": None}
    compute_figure.draw(Outcome(bare, {}), tmp_path)
    assert lines(axes()[2]) == curved and len(axes()) == 3


def test_landscape_has_the_mean_of_its_paths_and_no_digit_that_is_unsure(axes, tmp_path):
    names, numbers = ("rule", "rule and gate"), count(1)
    arrays = {"x": np.array([-2, 2]), "y": np.array([-1, 3]), "places": np.array([[0.0, 1.0]])}
    for name in names:
        for kind in ("to end", "motion", "path to end", "path motion"):
            arrays[f"{name}: {kind}"] = np.arange(6.0).reshape(2, 3) * next(numbers)
        arrays[f"{name}: digit"] = np.array([[0, 1, 2], [3, 4, 5]])
        arrays[f"{name}: sure"] = np.array([[0.95, 0.85, 0.9], [1, 0.5, 0.3]])
    landscape_figure.draw(Outcome({}, arrays), tmp_path)
    found = axes()
    maps = {axis.get_title(): axis.images[0] for axis in found if axis.images and axis.get_title()}
    assert len(maps) == 6
    for image in maps.values():
        assert image.axes.lines[0].get_xydata().tolist() == [[0, 1]]
    for name in names:
        for kind, label in (("to end", "distance to the end"), ("motion", "motion")):
            shown = maps[f"{name}: {label}"]
            np.testing.assert_array_equal(shown.get_array(), arrays[f"{name}: {kind}"])
            highest = max(arrays[f"{each}: {kind}"].max() for each in names)
            assert shown.get_clim() == (0, highest), "one scale for both machines"
            assert (shown.get_extent(), shown.origin) == ([-2, 2, -1, 3], "lower")
        sure = maps[f"{name}: digit read"].get_array()
        assert sure.filled(-1).tolist() == [[0, -1, 2], [3, -1, -1]]
    for axis, kind in zip(found[-2:], ("path to end", "path motion"), strict=True):
        for name in names:
            mean = arrays[f"{name}: {kind}"].mean(axis=0)
            assert lines(axis)[name] == points((0, 50, 100), mean)
        every = [line.get_ydata().tolist() for line in axis.lines]
        assert all(each.tolist() in every for n in names for each in arrays[f"{n}: {kind}"])
    way = "way from one digit to another in %"
    assert labels(*found[-2:]) == [
        (way, "distance to the end, codes"), (way, "motion in a step, codes"),
    ]  # fmt: skip


def test_valleys_are_counted_by_digit_and_shaken_by_strength(axes, tmp_path):
    table = np.diag(range(1, 11)) + np.eye(10, k=1, dtype=int)
    table[4], table[9, 0] = 0, 10  # no row goes one way alone
    moves = {
        "cells lost": {"returned": 61.5},
        "noise 2": {"returned": 72.5, "from_to": table.tolist()},
        "noise 8": {"returned": 31.5, "from_to": table.T.tolist()},
    }
    results = {"digits": list(range(20, 30)), "shaken": {"moves": moves}}
    shown, read = np.arange(25, dtype=np.uint8).reshape(25, 1, 1), np.full(25, 3)
    read[7] = 9
    paths = valleys_figure.draw(Outcome(results, {"shown": shown, "read": read}), tmp_path)
    counts, shaken, weak, strong = axes()
    assert [bar.get_height() for bar in counts.patches] == results["digits"]
    assert set(counts.lines[0].get_ydata()) == {24.5}
    assert shaken.lines[0].get_xydata().tolist() == [[2, 72.5], [8, 31.5]]
    assert set(shaken.lines[1].get_ydata()) == {61.5}
    for axis, wanted, title in ((weak, table, "sigma 2"), (strong, table.T, "sigma 8")):
        (image,), sums = axis.images, np.maximum(1, wanted.sum(axis=1))
        np.testing.assert_allclose(image.get_array(), wanted / sums[:, None])
        assert axis.get_title() == title and image.get_clim() == (0, 1)
    assert labels(counts, shaken, weak, strong) == [
        ("digit read at step 200", "starts"),
        ("noise added to every code, sigma", "same digit later in %"),
        ("to", "from"),
        ("to", ""),
    ]
    with Image.open(paths[0]) as picture:
        page = np.asarray(picture)[2:].reshape(10, 4, -1)[:, 0, 2::4]
    assert page[3].tolist() == [*range(7), *range(8, 21)], "as many as there is room for"
    assert page[9].tolist() == [7] + [244] * 19
