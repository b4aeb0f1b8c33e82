"""Numbers of the table and of the ablation that are counted, not measured."""

from dataclasses import replace

import numpy as np
import pytest

from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.experiments.ablation.measure import summary, to_base
from sw.experiments.ablation.rows import BASE, Row
from sw.experiments.table.automata import link_bytes, parameters_of
from sw.experiments.table.make import first
from sw.experiments.table.measure import KEYS, known
from sw.experiments.table.subject import Claim, Subject
from sw.experiments.table.subjects import subjects
from sw.judge.evaluate import Judged
from sw.train.options import Options
from tests.changes import DIGITS

GATE = Gate(input_channel=0, output_channel=1, start=2, every=3)
SPEC = Spec(height=8, width=8, channels=4, multiplier=2, image=6, gate=GATE)


def test_parameters_are_all_weights_and_biases():
    rng = np.random.default_rng(0)
    skeleton = calibrated(SPEC, rng)
    rule = (4 + 4) + (8 * 9 + 8) + (4 * 8 + 4) + (4 + 1)
    gate = 1024 * 64 + 1024 + 16 * 1024 + 16
    assert parameters_of(skeleton, None) == rule
    assert parameters_of(skeleton, network(SPEC, rng)) == rule + gate


def test_bytes_over_the_link_are_images_planes_and_deltas():
    assert [step for step in range(1, 11) if GATE.is_open(step)] == [2, 5, 8]
    assert link_bytes(SPEC) == 2 * 36 + 3 * (64 + 16)
    assert link_bytes(SPEC, 4) == 2 * 36 + 3 * (32 + 16)
    assert link_bytes(replace(SPEC, steps=8)) == 2 * 36 + 3 * (64 + 16)  # the last step is open
    assert link_bytes(replace(SPEC, steps=7)) == 2 * 36 + 2 * (64 + 16)
    assert link_bytes(replace(SPEC, gate=None)) == 72


def test_what_is_known_of_a_subject_is_its_own():
    subject = Subject(
        name="a", version=1, restore=lambda *given: None, given_mask=True, parameters=11,
        macs=lambda: 12, link_bytes=13, claim=Claim(psnr=14.0, digit_id=15.0, flop=16.0),
    )  # fmt: skip
    digits = Judged("test", DIGITS.train_images, DIGITS.train_labels)
    assert known(subject, digits) == {
        "name": "a", "parameters": 11, "macs": 12, "link_bytes": 13, "images": 2, "rows": "test",
        "claim": {"psnr": 14.0, "digit_id": 15.0, "flop": 16.0}, "given_mask": True,
    }  # fmt: skip
    assert set(known(subject, digits)) < set(KEYS)
    one = first(digits, 1)
    assert (one.rows, len(one.images), one.labels.tolist()) == ("test", 1, [3])
    assert len(first(digits, None).images) == 2


def test_the_table_has_its_subjects_in_order():
    found = {each.name: each for each in subjects(DIGITS.train_images, lambda skeleton: None, str)}
    hybrid = ["float", "int8 (Brevitas)", "int8 (golden)", "int8 (simulated chip)"]
    assert next(iter(found)) == "blanked input"
    assert [name for name in found if name.startswith("hybrid, ")] == [
        f"hybrid, {kind}" for kind in hybrid
    ]
    assert [name for name, each in found.items() if each.given_mask] == list(found)[1:5]
    assert [name for name, each in found.items() if each.most] == ["hybrid, int8 (simulated chip)"]
    curves = [name for name, each in found.items() if each.curve]
    learned = ["auto-encoder", "U-Net", "MLP of the gate's size"]
    assert curves == ["blanked input", *learned, "CA only, int8 (golden)", "hybrid, int8 (golden)"]
    assert [name for name, each in found.items() if each.link_bytes is None] == [
        *list(found)[:8], "hybrid, float",
    ]  # fmt: skip
    assert found["hybrid, float"].claim.digit_id == 94
    assert found["CA only, int8 (golden)"].claim.digit_id == 64
    assert found["auto-encoder"].claim.digit_id == 82 and found["U-Net"].claim is None


def run(seed, psnr, read, seconds=10.0):
    return {"seed": seed, "psnr_mean": psnr, "digit_id": read, "seconds": seconds, "commit": "c",
            "link_bytes": 77, "data": "d"}  # fmt: skip


def test_a_row_is_compared_with_the_base_seed_by_seed():
    base = [run(0, 20.0, 90.0), run(1, 21.0, 91.0), run(3, 99.0, 99.0)]
    runs = [run(0, 20.5, 91.0, 10.0), run(1, 21.25, 93.0, 20.0), run(2, 30.0, 80.0, 40.0)]
    assert to_base("psnr_mean", runs, base) == 0.375
    assert to_base("digit_id", runs, base) == 1.5
    assert to_base("psnr_mean", runs[2:], base) is None
    found = summary(Row(name="x", says="xx"), {"a": 1}, runs, base)
    assert found["runs"] == [
        {key: each[key] for key in ("seed", "psnr_mean", "digit_id", "seconds", "commit")}
        for each in runs
    ]
    del found["runs"]
    assert found == {
        "name": "x", "says": "xx", "changes": {"a": 1}, "psnr_mean": 23.917, "psnr_spread": 9.5,
        "psnr_to_base": 0.375, "digit_id": 88.0, "digit_id_to_base": 1.5, "link_bytes": 77,
        "seconds": 23.3,
    }  # fmt: skip
    alone = summary(Row(name=BASE, says="xx"), {}, base, base)
    assert alone["psnr_to_base"] is alone["digit_id_to_base"] is None


@pytest.mark.parametrize(("qat", "batches"), [(0.5, 100), (1.0, None), (2.0, 400)])
def test_a_row_changes_what_it_says_and_no_more(qat, batches):
    base = Options(batches=800, qat_batches=200)
    row = Row(name="x", says="x", changes={"start": 4, "damage": 0.5}, qat=qat)
    found = row.options(base, 7)
    gate = replace(base.spec.gate, start=4)
    want = replace(base, seed=7, damage=0.5, spec=replace(base.spec, gate=gate))
    assert found == (want if batches is None else replace(want, qat_batches=batches))
    lengths = {} if batches is None else {"qat_batches": batches}
    assert row.given(base) == {"start": 4, "damage": 0.5} | lengths
