"""Skeletons made of arrays, found by name; and the measure of golden's speed."""

import re
from dataclasses import replace

import numpy as np
import pytest

from golden import speed
from golden.errors import InputError
from golden.samples import calibrated
from golden.skeleton import LAYERS, Layer, Skeleton, find, ranges, shapes
from golden.spec import Spec

SPEC = Spec(height=4, width=4, channels=3, multiplier=2, image=2)


@pytest.fixture
def skeleton():
    return calibrated(SPEC, np.random.default_rng(0))


def refuses(text):
    return pytest.raises(InputError, match=f"^{re.escape(text)}$")


def parts(skeleton, layer, part, codes):
    """The layers of a skeleton, one part of one of them replaced."""
    given = {name: vars(getattr(skeleton, name)) for name in LAYERS}
    return {name: Layer(**own | ({part: codes} if name == layer else {}))
            for name, own in given.items()}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("part", ["weight", "bias", "shift"])
def test_arrays_of_a_skeleton_are_checked_by_kind_shape_and_range(skeleton, layer, part):
    place, shape = f"{layer}.{part}", shapes(SPEC)[layer][part]
    low, high = ranges(layer)[part][0], ranges(layer)[part][-1]
    codes = getattr(getattr(skeleton, layer), part)

    def made(codes):
        return Skeleton(spec=SPEC, **parts(skeleton, layer, part, codes))

    with refuses(f"{place} must be integers, not float64"):
        made(codes.astype(float))
    with refuses(f"{place} must have shape {shape}, not {(1, *shape)}"):
        made(codes[None])
    for wrong in (low - 1, high + 1):
        changed = codes.copy()
        changed[(-1,) * codes.ndim] = wrong
        with refuses(f"{place} must be an integer from {low} to {high}, not {wrong}"):
            made(changed)
    for end in (low, high):
        assert (getattr(getattr(made(np.full(shape, end)), layer), part) == end).all()


def test_a_skeleton_has_numbers_of_its_own(skeleton):
    weight = skeleton.encode.weight.astype(np.int8)
    own = Skeleton(spec=SPEC, **parts(skeleton, "encode", "weight", weight))
    again = Skeleton(spec=SPEC, **{name: getattr(own, name) for name in LAYERS})
    assert own.name == "skeleton" and own.encode.weight.dtype == np.int64
    digest = own.digest
    weight[:], own.encode.bias[:] = 0, 1
    assert own.digest != digest == again.digest
    np.testing.assert_array_equal(own.encode.weight, skeleton.encode.weight)


def test_a_folder_here_comes_before_a_shipped_name(tmp_path, monkeypatch, skeleton):
    monkeypatch.setattr("golden.skeleton.SHIPPED", tmp_path / "shipped")
    skeleton.save(tmp_path / "shipped" / "x")
    monkeypatch.chdir(tmp_path)
    assert find("x") == tmp_path / "shipped" / "x"
    replace(skeleton, spec=replace(SPEC, steps=3)).save(tmp_path / "x")
    assert find("x").resolve() == tmp_path / "x"
    assert Skeleton.load(find("x")).spec.steps == 3


def test_a_skeleton_has_the_name_of_its_folder_however_that_is_named(
    tmp_path, monkeypatch, skeleton
):
    path = skeleton.save(tmp_path / "mine")
    assert path == tmp_path / "mine" / "skeleton.json"
    monkeypatch.chdir(tmp_path / "mine")
    for place in (".", "skeleton.json", "../mine", path, str(path)):
        assert Skeleton.load(place).name == "mine"


def test_a_skeleton_is_written_one_part_a_line(tmp_path, skeleton):
    lines = skeleton.save(tmp_path).read_text().splitlines()
    assert len(lines) == 1 + 3 + 4 * 5 + 1
    assert [line.split(":")[0] for line in lines[4:9]] == [
        '"encode"', '  "weight"', '  "bias"', '  "shift"', "},"
    ]  # fmt: skip


def test_a_rate_is_that_of_the_median_round(monkeypatch):
    clock, works = iter([0, 4, 10, 12, 20, 28.5]), []
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    assert speed.rate(lambda: works.append(1), 100, rounds=3) == 25.0
    assert len(works) == 3
    monkeypatch.setattr(speed.time, "perf_counter", lambda: float(len(works)))
    assert speed.rate(lambda: works.append(1), 7) == 7.0
    assert len(works) == 3 + 5


def test_speed_is_that_of_whole_gated_digits_and_of_planes_alone(monkeypatch):
    given = []

    def restored(device, gate, images, steps):
        assert device.skeletons[0].spec.gate.start == 4 and gate.inputs == 1024
        given.append((images.shape, steps))

    def rate(work, count):
        given.append(count)
        work()
        return {6: 1.5, 9: 2.5}[count]

    monkeypatch.setattr(speed, "restore", restored)
    monkeypatch.setattr(speed, "rate", rate)
    monkeypatch.setattr(speed.os, "cpu_count", lambda: 12)
    monkeypatch.setattr(speed.torch, "get_num_threads", lambda: 3)
    assert (speed.ROUNDS, speed.DIGITS, speed.PLANES) == (5, 256, 2048)
    monkeypatch.setattr(speed, "DIGITS", 6)
    monkeypatch.setattr(speed, "PLANES", 9)
    assert speed.measure() == {
        "cores": 12,
        "threads": 3,
        "golden_digits_per_second": 1.5,
        "gate_planes_per_second": 2.5,
    }
    assert given == [((6, 28, 28), 10), 6, ((6, 28, 28), 10), 9]
