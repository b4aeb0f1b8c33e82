"""`thalweg check` on the simulated chip and on a board behind its wires, as a user's command."""

import json
import subprocess
import sys

import pytest

from hw.shapes import Geometry
from hw.skeleton_memory import images
from sim.devices.board import SimulatedBoard, SimulatedPort
from sim.devices.device import SimulatedDevice
from sw.check.bench import QUICK
from sw.check.board import board_target
from sw.check.run import jobs_of, make
from sw.check.target import Subject
from sw.cli.check import predict
from tests.device_suite import SPEC, gate_network, skeletons
from tests.slow.test_every_device import PATIENCE, board

pytestmark = pytest.mark.timeout(900)  # a simulated wire is slow

SUBJECTS = tuple(Subject(skeleton, gate_network(), skeleton.digest) for skeleton in skeletons())


@pytest.fixture
def shelf(tmp_path):
    """Folders of two skeletons with their gates."""
    for skeleton in skeletons():
        folder = tmp_path / skeleton.name
        skeleton.save(folder)
        gate_network().save(folder / "gate.safetensors")
    return [word for each in skeletons() for word in ("--skeleton", tmp_path / each.name)]


@pytest.fixture
def terminal():
    """Path of a pseudo-terminal with a board behind it, in a process of its own."""
    board()  # built here, where a log would be seen
    script = (
        "from sim.devices.terminal import serve; from tests.slow.test_every_device import board; "
        "serve(board())"
    )
    command = [sys.executable, "-u", "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait()
    process.stdout.close()


def test_a_board_passes_every_check():
    target = board_target(SimulatedPort(board()), SUBJECTS, predict, named=True)
    results = [make(target, job, QUICK, 0) for job in jobs_of(target.subjects)]
    assert {(each.job.title, each.word, each.tally.first) for each in results} == {
        (each.job.title, "equal", None) for each in results
    }


def test_a_skeleton_with_one_bit_flipped_is_found_by_its_flag():
    memories = images(Geometry(spec=SPEC), skeletons())
    memories["mix0_0"][3] ^= 1  # of the skeleton in place 0
    geometry = Geometry(spec=SPEC)
    spoilt = SimulatedBoard(geometry, skeletons(), divisor=8, patience=PATIENCE, memories=memories)
    target = board_target(SimulatedPort(spoilt), SUBJECTS, predict)
    names = ("damage flags", "random lattices", "link")
    jobs = [job for job in jobs_of(target.subjects) if job.check.name in names]
    results = {job.title: make(target, job, QUICK, 0) for job in jobs}
    flags = results["device: damage flags"].tally
    assert flags.first == "place 0: the chip found its skeleton damaged" and flags.differing == 1
    assert results["0: random lattices"].word == "differs"
    assert results["1: random lattices"].word == "equal"
    assert results["device: link"].word == "equal"


def test_the_simulated_chip_passes(thalweg, shelf, tmp_path):
    SimulatedDevice(skeletons())  # built here, where its progress is not part of the output
    output = tmp_path / "x.json"
    words = ("--device", "simulated", "--output", output, *shelf)
    code, out, err = thalweg("check", *words)
    assert (code, err) == (0, ""), out
    report = json.loads(output.read_text())
    missing = [each["name"] for each in report["results"] if each["result"] != "equal"]
    assert missing == ["identity", "link"]


def test_a_board_behind_a_pseudo_terminal_passes(thalweg, shelf, terminal, tmp_path):
    output = tmp_path / "x.json"
    words = ("--device", f"serial:{terminal}", "--quick", "--output", output, *shelf[:2])
    code, out, err = thalweg("check", *words)
    report = json.loads(output.read_text())
    wrong = {each["name"] for each in report["results"] if each["result"] == "differs"}
    assert wrong <= {"link"}, out  # a slow machine's board may be asked again
    assert code == bool(wrong), err
