"""The fault bench, a short run of it."""

from tests.faults import run_cases, small_bench


def test_disturbed_runs_are_exact_or_reported():
    faults, ends = run_cases(small_bench(), range(100))
    assert len(faults) == 9
    assert ends["exact"] > 40
    assert ends["reported"] + ends["died"] > 5
