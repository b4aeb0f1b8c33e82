"""Every proof of the ladder fails where a difference is planted: exit code 1, and says where.

`tests/slow/test_ladder.py` plants some in gateware; Brevitas against golden is in
`tests/test_proof.py`, the netlist in `tests/test_netlists.py`.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.skeleton import Skeleton
from sim import cocotb_run
from sim.devices.account import Account
from sim.measure import throughput
from sim.proof import prove

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


class Wrong(GoldenDevice):
    """A device of two contexts that is golden, but for a code after step 3."""

    def __init__(self, skeletons, **options):
        super().__init__(skeletons, contexts=2)
        self.simulated_clocks = 7

    def read_states(self):
        states = super().read_states()
        if self._step >= 3:
            states[-1, 3, 4, 5] ^= 1
        return states

    def read_images(self):
        images = super().read_images()
        if self._step >= 3:
            images[-1, 6, 7] ^= 1
        return images


PROOFS = {
    "naive": "equal_naive_on_small_lattices or encode_and_readout_equal",
    "vectors": "reference_vectors",
}


@pytest.mark.parametrize(
    ("proofs", "planted", "code"),
    [
        (("vectors",), "nothing", 0),
        (("naive",), "step", 1),
        (("naive",), "rounding", 1),
        (("naive",), "read-out", 1),
        (("vectors",), "step", 1),
        (("vectors",), "read-out", 1),
        (("vectors",), "digest", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_golden_is_held_to_the_naive_version_and_to_vectors(proofs, planted, code):
    chosen = " or ".join(PROOFS[proof] for proof in proofs)
    plugin = ["-p", "tests.planted", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-x", *plugin, "-k", chosen, "tests/test_golden.py"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PLANTED": planted}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout
    assert ("FAILED tests/test_golden.py::" in done.stdout) == bool(code)


def played_bench(verdict):
    """Return a runner of cocotb that leaves the results of one test."""

    def call(command, log, **options):
        case = (
            f'<testcase classname="sim.benches.bench_chip" name="every_image">{verdict}</testcase>'
        )
        text = f"<testsuites><testsuite>{case}</testsuite></testsuites>"
        (log.parent / "results.xml").write_text(text)

    return call


def in_this_process(function, jobs, workers):
    """What `sim.proof.workers.in_processes` does, in this process."""
    return (function(*job) for job in jobs)


@pytest.fixture
def played_sim(monkeypatch, tmp_path):
    """Have `thalweg sim` run no simulator: what its bench says and what its fast device is."""

    def play(verdict="", device=GoldenDevice):
        monkeypatch.setenv("THALWEG_BUILD", str(tmp_path / "build"))
        monkeypatch.setattr(cocotb_run, "call", played_bench(verdict))
        monkeypatch.setattr(prove, "in_processes", in_this_process)
        monkeypatch.setattr(prove, "SimulatedDevice", device)

    return play


class Right(Wrong):
    """A device of two contexts that is golden."""

    read_states, read_images = GoldenDevice.read_states, GoldenDevice.read_images


def test_sim_that_finds_no_difference_ends_with_0(thalweg, folder, played_sim):
    played_sim(device=Right)
    code, out, _ = thalweg("sim", folder, "--images", 5, "--filters", 1)
    assert code == 0
    assert "cocotb: equal to golden on 2 digits\n" in out
    assert "fast device: equal to golden on 3 digits, " in out


def test_sim_ends_with_1_where_its_bench_fails(thalweg, folder, played_sim, tmp_path):
    played_sim('<failure message="after step 1: code (0, 3, 0, 0) is -2, not -6; 9 are wrong" />')
    code, out, err = thalweg("sim", folder, "--images", 1, "--filters", 1)
    assert code == 1 and "equal to golden" not in out
    log = tmp_path / "build" / "sim" / "digits-f1" / "bench.log"
    assert err.splitlines()[-1] == (
        f"thalweg: every_image: after step 1: code (0, 3, 0, 0) is -2, not -6; 9 are wrong; "
        f"see {log}"
    )


def test_sim_ends_with_2_where_its_bench_runs_nothing(thalweg, folder, played_sim):
    played_sim("<skipped />")
    code, out, err = thalweg("sim", folder, "--images", 1, "--filters", 1)
    assert code == 2 and "equal to golden" not in out
    assert "The bench sim.benches.bench_chip must run, and no test did; see " in err


def test_sim_ends_with_1_where_the_fast_device_differs(thalweg, folder, played_sim):
    played_sim(device=Wrong)
    code, out, err = thalweg("sim", folder, "--images", 5, "--filters", 1)
    assert code == 1 and "fast device: equal" not in out
    text = "thalweg: image 1, step 3: channel 3, cell (4, 5) is "
    assert err.splitlines()[-1].startswith(text)
    assert err.splitlines()[-1].endswith("; 1 code of states differs")


def test_demo_ends_with_1_where_the_chip_differs(thalweg, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sim.devices.device", SimpleNamespace(SimulatedDevice=Wrong))
    code, _, err = thalweg("demo", folder, "--images", 2, "--output", tmp_path / "out")
    assert code == 1 and "digit 1, step 3: channel 3, cell (4, 5) is " in err
    assert not list((tmp_path / "out").iterdir())


def test_bench_ends_with_1_where_a_wire_gives_something_else(thalweg, tmp_path, monkeypatch):
    monkeypatch.setattr("golden.speed.measure", dict)
    monkeypatch.setattr("sw.experiments.peers.measure", lambda say: {})
    monkeypatch.setattr("sw.play.speed.measure", lambda say: {})
    monkeypatch.setattr("sw.train.speed.measure", lambda progress: {})
    monkeypatch.setattr("sim.measure.speed.measure", lambda progress: {"engine": {}})
    monkeypatch.setattr(throughput, "gate_seconds", lambda case: dict.fromkeys(range(5), 0.0))

    class Machine:
        def account(self):
            return Account(*[1] * 7)

        def think(self, clocks):
            pass

    skeleton = Skeleton.load(ROOT / "golden" / "skeletons" / "digits")
    wire = Wrong((skeleton,))
    monkeypatch.setattr(throughput, "links", lambda *rest: [("UART", Machine(), wire)])
    code, _, err = thalweg("bench", "--output", tmp_path / "results.json")
    assert code == 1
    assert err.startswith("thalweg: 1 contexts: digit 0: pixel (6, 7) is ")
    assert not (tmp_path / "results.json").exists()


def test_planted_differences_are_wrong_codes():
    images = np.zeros((2, 28, 28), np.uint8)
    skeletons = (Skeleton.load(ROOT / "golden" / "skeletons" / "digits-ca"),)
    found = []
    for device in (Right(skeletons), Wrong(skeletons)):
        device.load_images(images)
        device.start(3)
        device.planes()
        found.append(device.read_states())
    assert np.count_nonzero(found[0] != found[1]) == 1
