"""Results that are kept under a key stay what they were: who changes them raises a version."""

import pytest

from sw.experiments.memory.catalogue import EXPERIMENTS
from tests.versions import measured, memory_results, merge, read_record, same, table_results

pytestmark = pytest.mark.usefixtures("one_thread")

RECORDED = read_record()


@pytest.mark.parametrize("part", [memory_results, table_results])
def test_results_change_with_their_version_alone(part):
    found = measured(part)
    merged, changed = merge(found, RECORDED)
    assert changed == [], "their numbers are others: raise `version` where they are declared"
    assert merged == RECORDED, "`python -m tests.versions` records what is new"


def test_every_experiment_is_recorded():
    names = [name.removeprefix("memory: ") for name in RECORDED if name.startswith("memory: ")]
    assert names == [each.name for each in EXPERIMENTS]


def test_a_change_under_the_same_key_is_found_and_a_new_key_is_taken():
    recorded = {"a": {"key": "1", "results": {"x": 1}}, "b": {"key": "2", "results": 3}}
    assert merge({"a": {"key": "1", "results": {"x": 1}}}, recorded) == (recorded, [])
    assert merge({"a": {"key": "1", "results": {"x": 2}}}, recorded) == (recorded, ["a"])
    raised = {"key": "5", "results": {"x": 2}}
    assert merge({"a": raised}, recorded) == (recorded | {"a": raised}, [])
    assert merge({"c": raised}, recorded) == (recorded | {"c": raised}, [])


def test_results_are_alike_but_for_the_last_bits():
    one = {"a": [1, 20.0, None], "b": "x"}
    assert same(one, one) and same({"a": [1, 20.01, None], "b": "x"}, one)
    for other in (
        {"a": [2, 20.0, None], "b": "x"}, {"a": [1, 20.1, None], "b": "x"},
        {"a": [1, 20.0], "b": "x"}, {"a": [1, 20.0, None], "b": "y"}, {"a": [1, 20.0, None]},
        {"b": "x", "a": [1, 20.0, None]}, [1], None,
    ):  # fmt: skip
        assert not same(other, one)
