"""What a cocotb bench came to is read from its results file, never assumed."""

import re
from contextlib import contextmanager, nullcontext

import pytest

from golden.errors import Difference, InputError, ToolError
from sim import cocotb_run
from sim.cocotb_run import bench_folder, require_passed

CASE = '<testcase classname="{bench}" name="{name}">{verdict}</testcase>'
SEED = '<properties><property name="random_seed" value="7" /></properties>'


def results(folder, *cases, bench="sim.benches.bench_chip"):
    """Write a results file of cases, each a name and its verdict."""
    path = folder / "results.xml"
    told = (CASE.format(bench=bench, name=name, verdict=verdict) for name, verdict in cases)
    path.write_text(f"<testsuites><testsuite>{''.join(told)}</testsuite></testsuites>")
    return path, "sim.benches.bench_chip", folder / "bench.log"


def test_a_bench_whose_tests_pass_has_passed(tmp_path):
    require_passed(*results(tmp_path, ("one", ""), ("two", ""), ("three", "<skipped />")))


@pytest.mark.parametrize("verdict", ["failure", "error"])
def test_a_test_that_fails_is_a_difference_that_says_where(tmp_path, verdict):
    said = f'<{verdict} message="code 3 is 1, not 2&#10;more" />{SEED}'
    arguments = results(tmp_path, ("one", ""), ("two", said))
    text = f"two (COCOTB_RANDOM_SEED=7): code 3 is 1, not 2; see {tmp_path}/bench.log"
    with pytest.raises(Difference, match=f"^{re.escape(text)}$"):
        require_passed(*arguments)


@pytest.mark.parametrize("cases", [(), (("one", "<skipped />"),)])
def test_a_bench_that_ran_no_test_has_not_passed(tmp_path, cases):
    text = f"The bench sim.benches.bench_chip must run, and no test did; see {tmp_path}/bench.log"
    with pytest.raises(ToolError, match=f"^{re.escape(text)}$"):
        require_passed(*results(tmp_path, *cases))


def test_another_bench_than_the_one_asked_for_has_not_passed(tmp_path):
    text = "The bench sim.benches.bench_chip must run, and tests of sim.bench_other did; see "
    with pytest.raises(ToolError, match=f"^{re.escape(text)}"):
        require_passed(*results(tmp_path, ("one", ""), bench="sim.bench_other"))


def test_a_bench_without_whole_results_has_not_passed(tmp_path):
    arguments = results(tmp_path, ("one", ""))
    arguments[0].write_text(arguments[0].read_text()[:-5])
    with pytest.raises(ToolError, match=r"results.xml must be a whole results file: "):
        require_passed(*arguments)
    arguments[0].unlink()
    with pytest.raises(
        ToolError, match=r"^The bench sim.benches.bench_chip ended without results; see "
    ):
        require_passed(*arguments)


def test_a_bench_has_an_empty_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))
    with bench_folder("some") as folder:
        (folder / "results.xml").write_text("old")
        (folder / "deep").mkdir()
    with bench_folder("some") as again:
        assert again == folder and not list(folder.iterdir())


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ('<failure error_msg="first" message="second">third</failure>', "first"),
        ('<failure message="second">third</failure>', "second"),
        ("<failure>\n third\n fourth</failure>", "third"),
        ("<failure />", "failure"),
        ("<error />", "error"),
    ],
)
def test_a_verdict_is_told_by_the_best_that_there_is(tmp_path, verdict, said):
    with pytest.raises(Difference, match=rf"^one: {said}; see {re.escape(str(tmp_path))}/bench"):
        require_passed(*results(tmp_path, ("one", verdict), ("two", "")))


def test_what_a_benchs_folder_links_to_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path / "build"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("kept")
    with bench_folder("some") as folder:
        (folder / "link").symlink_to(mine)
    with bench_folder("some") as folder:
        assert not list(folder.iterdir())
    assert (mine / "file").read_text() == "kept"


def test_a_bench_waits_for_another_in_its_folder_and_says_so(tmp_path, monkeypatch):
    asked, said = [], []

    @contextmanager
    def locked(folder, waiting):
        asked.append(folder)
        folder.mkdir(parents=True)
        waiting()
        yield

    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))
    monkeypatch.setattr(cocotb_run, "lock", locked)
    with bench_folder("some", said.append) as folder:
        assert asked == [folder] == [tmp_path.resolve() / "sim" / "some"]
    assert said == [f"waiting for another bench in {folder}"]
    monkeypatch.setattr(cocotb_run, "lock", lambda folder, waiting: nullcontext())
    text = rf"^{re.escape(str(folder.with_name('none')))} must be a writable folder: No such file"
    with pytest.raises(InputError, match=text), bench_folder("none"):
        pass
