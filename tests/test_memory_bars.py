"""The bars of the memory experiments: those that are published, and each at its very edge."""

import pytest

from golden.files import read_json
from golden.skeleton import SHIPPED, Skeleton
from sw.experiments.memory import (
    compute,
    damage,
    falling,
    holding,
    landscape,
    letters,
    saliency,
    valleys,
)
from sw.experiments.memory.catalogue import EXPERIMENTS
from sw.experiments.memory.page import DOCS
from sw.experiments.memory.task import Bar, percent

KEPT = read_json(DOCS / "memory.json")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_published_bars_are_those_of_the_published_results(experiment):
    found = experiment.bars(KEPT["experiments"][experiment.name])
    assert [bar._asdict() for bar in found] == KEPT["bars"][experiment.name]


def test_published_results_are_those_of_one_run():
    names = [experiment.name for experiment in EXPERIMENTS]
    assert list(KEPT["experiments"]) == list(KEPT["bars"]) == names
    assert sorted(KEPT["pictures"]) == sorted(path.name for path in (DOCS / "memory").iterdir())
    found = KEPT["experiments"]
    assert found["letters"]["skeleton_digest"] == KEPT["skeleton_digest"]
    first = found["holding"]["steps"]["10"]
    assert found["damage"]["whole"] == found["letters"]["gates"]["own"]["digits"] == first
    assert {k: found["compute"]["curves"]["rule and gate"]["10"][k] for k in first} == first
    for step in ("5", "9"):
        assert found["damage"]["lost"]["0.3"][step] == found["holding"]["struck"][step]
    assert found["damage"]["lost"]["0"]["10"] == found["holding"]["steps"]["20"]


def held(step10=(22.5, 96.8), rest=90.0, **drops):
    """Return results of `holding` that stay below step 10 by (dB, points)."""

    def below(name, decibels, points):
        less, fewer = drops.get(name, (decibels, points))
        return {"psnr_mean": step10[0] - less, "digit_id": step10[1] - fewer}

    steps = {"10": {"psnr_mean": step10[0], "digit_id": step10[1]}}
    steps |= {"20": below("s20", 0, 0), "50": below("s50", 0, 0), "200": below("s200", 0, 0)}
    lost = {"5": below("l5", 0, 0), "9": below("l9", 0, 0)}
    return {"steps": steps, "struck": lost, "at_rest": rest}


def lost(fewer, at=4):
    """Return results of `damage`: points lost at one of the steps, none elsewhere."""
    whole = {str(step): {"digit_id": 97.0} for step in range(1, 11)}
    hurt = {step: {"digit_id": 97.0 - fewer * (int(step) == at)} for step in whole}
    other = {step: {"digit_id": 10.0} for step in whole}
    return {"lost": {"0": whole, "0.2": other, "0.3": hurt, "0.4": other}}


def noise(settled=95.0, same=96.0, digits=(25, 3, 9, 9, 9, 9, 9, 9, 9, 9), back=95.0, **second):
    moves = {"cells lost": {"returned": back}, "noise 2": {"returned": 1.0}}
    assert sum(digits) == 100
    counts = [7 * n for n in digits]  # not out of a hundred: a share is no percentage
    found = {"settled": settled, "sure_and_same_later": same, "digits": counts}
    by_digit = [99.0, None, second.get("fewest", 90.0), *(98.0,) * 7]
    found["second"] = {"agrees": second.get("agrees", 96.0), "by_digit": by_digit}
    return found | {"sure": 99.5, "shaken": {"moves": moves}}


def gates(below=1.0, lost=0.5, fewer=1.0):
    def gate(letters, digits, read):
        mean = {"psnr_mean": letters, "psnr_of_mean": 3.0}
        return {"letters": mean, "digits": {"psnr_mean": digits, "digit_id": read}}

    own, only = gate(15.0, 22.5, 97.0), gate(20.0, 12.0, 60.0)
    return {"gates": {"own": own, "only": only, "x": gate(20 - below, 22.5 - lost, 97 - fewer)}}


def paths(share=90.0):
    other = {"keep_both_ends": 11.0}
    return {"paths": {"rule": other, "rule and gate": {"keep_both_ends": share}}}


def worked(macs=21e6):
    return {"per_restoration": {"rule": macs, "rule and gate": 99e6}}


ELEVEN = (24, 4, 9, 9, 9, 9, 9, 9, 9, 9)
EDGES = [
    (holding, 0, "at least 22.5 dB", held(), held((22.499, 96.8))),
    (holding, 1, "at least 96.8 %", held(), held((22.5, 96.79))),
    (holding, 2, "at most 0.3 dB", held(s20=(0.3, 0)), held(s20=(0.301, 0))),
    (holding, 3, "at most 1 points", held(s20=(0, 1)), held(s20=(0, 1.01))),
    (holding, 4, "at most 0.5 dB", held(s50=(0.5, 0)), held(s50=(0.501, 0))),
    (holding, 5, "at most 1 points", held(s50=(0, 1)), held(s50=(0, 1.01))),
    (holding, 6, "at most 0.7 dB", held(s200=(0.7, 0)), held(s200=(0.701, 0))),
    (holding, 7, "at most 1 points", held(s200=(0, 1)), held(s200=(0, 1.01))),
    (holding, 8, "at most 0.9 dB", held(l5=(0.9, 0)), held(l5=(0.901, 0))),
    (holding, 9, "at most 1.2 points", held(l5=(0, 1.2)), held(l5=(0, 1.21))),
    (holding, 10, "at most 0.9 dB", held(l9=(0.9, 0)), held(l9=(0.901, 0))),
    (holding, 11, "at most 1.2 points", held(l9=(0, 1.2)), held(l9=(0, 1.21))),
    (holding, 12, "at least 90 %", held(), held(rest=89.99)),
    (valleys, 0, "at least 95 %", noise(), noise(settled=94.99)),
    (valleys, 1, "at least 96 %", noise(), noise(same=95.99)),
    (valleys, 2, "at least 96 %", noise(), noise(agrees=95.99)),
    (valleys, 3, "at least 90 %", noise(), noise(fewest=89.99)),
    (valleys, 4, "at least 10", noise(), noise(digits=(25, 0, *(9,) * 7, 12))),
    (valleys, 5, "at most 25 %", noise(), noise(digits=(26, 2, *(9,) * 8))),
    (valleys, 6, "at least 95 %", noise(), noise(back=94.99)),
    (damage, 0, "at most 8 points", lost(8), lost(8.01)),
    (damage, 0, "at most 8 points", lost(8, 10), lost(8.01, 10)),
    (damage, 0, "at most 8 points", lost(8, 1), lost(8.01, 1)),
    (letters, 0, "at most 1 dB", gates(), gates(below=1.001)),
    (letters, 1, "at most 0.5 dB", gates(), gates(lost=0.501)),
    (letters, 2, "at most 1 points", gates(), gates(fewer=1.01)),
    (landscape, 0, "at least 90 %", paths(), paths(89.99)),
    (compute, 0, "at most 21 M", worked(), worked(21.001e6)),
]  # fmt: skip


@pytest.mark.parametrize(("experiment", "place", "text", "just", "beyond"), EDGES)
def test_each_bar_is_met_at_its_edge_and_not_beyond(experiment, place, text, just, beyond):
    met, missed = experiment.bars(just), experiment.bars(beyond)
    assert met[place].bar == missed[place].bar == text
    assert all(bar.met for bar in met)
    assert [bar.met for bar in missed] == [index != place for index in range(len(missed))]


GOOD = {
    holding: held(), valleys: noise(), damage: lost(0),
    letters: gates(), landscape: paths(), compute: worked(),
}  # fmt: skip


@pytest.mark.parametrize("experiment", GOOD)
def test_every_bar_has_an_edge_above(experiment):
    places = {place for each, place, *_ in EDGES if each is experiment}
    assert places == set(range(len(experiment.bars(GOOD[experiment]))))


def test_bars_say_what_was_measured():
    found = holding.bars(held(s20=(0.25, 0.75), l9=(0.8, 1.1)))
    assert found[2] == Bar("step 20: PSNR below step 10", "at most 0.3 dB", "0.25 dB", True)
    assert found[3] == Bar("step 20: fewer read right", "at most 1 points", "0.75 points", True)
    assert found[11].name == ("30 % of cells lost after step 9, ten steps on: fewer read right")
    assert (found[10].measured, found[11].measured) == ("0.8 dB", "1.1 points")
    assert [bar.measured for bar in valleys.bars(noise())] == [
        *("95 %", "96 %", "96 %", "90 %", "10", "25 %", "95 %")
    ]
    assert compute.bars(worked(20508928))[0].measured == "20.509 M"
    assert damage.bars(lost(-1))[0].measured == "0 points"


def test_shares_are_percentages_with_two_places():
    assert percent([True, False, False]) == 33.33
    assert percent([True] * 3) == 100 and percent([False]) == 0


def test_published_results_are_those_of_the_amounts_in_the_code():
    found = KEPT["experiments"]
    lost, faults = found["damage"]["lost"], found["damage"]["faults"]
    assert [*lost] == ["0", *map(str, damage.SHARES)] and found["damage"]["later"] == damage.LATER
    spec = find_spec(KEPT["skeleton"])
    named = dict(damage.faults(spec.channels, spec.height, range(1)))
    assert [*faults] == [*named]
    assert [*faults][:5] == [f"flips {rate:g}" for rate in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)]
    assert [*faults][-4:] == ["rows 1", "rows 2", "rows 4", "rows 8"]
    assert named["rows 4"].rows == (6, 12, 19, 25)
    assert named["rows 8"].rows == (3, 7, 10, 14, 17, 21, 24, 28)
    moves = found["valleys"]["shaken"]
    assert [*moves["moves"]] == ["cells lost", *(f"noise {sigma}" for sigma in valleys.SHAKES)]
    assert moves["starts"] == valleys.SHAKEN and moves["share_of_cells"] == valleys.SHARE
    assert found["valleys"]["by_step"] == valleys.LIMIT
    assert found["landscape"]["grid"] == landscape.GRID
    assert found["landscape"]["digits"] == landscape.DIGITS
    assert [*map(int, found["holding"]["steps"])] == [*holding.HOLD]
    assert [*map(int, found["holding"]["struck"])] == [*holding.STRIKES]
    assert found["holding"]["share_of_cells"] == holding.SHARE
    assert found["falling"]["steps"] == falling.LOOKS[-1]
    assert {len(read) for read in found["falling"]["read"].values()} == {falling.FALLS}
    assert found["saliency"]["nudge"] == saliency.NUDGE


def find_spec(name):
    return Skeleton.load(SHIPPED / name).spec
