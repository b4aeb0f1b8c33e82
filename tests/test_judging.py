"""The judges around an evaluation: its report, its table, its refusals; the referee's training."""

import hashlib
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from golden.errors import InputError
from golden.spec import Spec
from sw.data.load import show_digits
from sw.judge import evaluate as work
from sw.judge.evaluate import Judged, digits_to_judge, evaluate, require_size, score, show
from sw.judge.referee import PROVENANCE, WEIGHTS, Referee, as_input, network, train
from tests.memory_toys import Referee as Simple
from tests.memory_toys import digits
from tests.test_evaluate import Echo

DIGITS = digits(5, 14)


def test_a_report_has_the_time_and_the_gate(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(work, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(work.Referee, "load", Simple)
    told = []

    def restored(device, network, damaged, steps, progress):
        told.append((device, network, steps, progress))
        return DIGITS.images

    monkeypatch.setattr(work, "restore", restored)
    device, gate, progress = Echo(), object(), lambda done: None
    found = evaluate(device, gate, DIGITS, steps=7, progress=progress)
    assert told == [(device, gate, 7, progress)]
    assert (found["seconds"], found["digits_per_second"]) == (2.5, 2.0)
    assert (found["gated"], found["damage"], found["rows"]) == (True, 0.7, "test")
    assert found["blanked"] != found["restored"] == found["pasted"] == found["originals"]
    assert list(found) == [
        "rows", "images", "steps", "damage", "gated", "blanked", "restored", "pasted",
        "originals", "seconds", "digits_per_second",
    ]  # fmt: skip


def test_scores_are_rounded_decibels_and_a_share_in_percent():
    originals = np.zeros((3, 10, 10), np.uint8)
    images = originals.copy()
    images[:, 0, 0] = 1, 2, 7
    found = score(Simple(), images, originals, np.array([1, 2, 3]))
    mean = float(np.mean(10 * np.log10(255**2 / (np.array([1, 4, 49]) / 100))))
    both = 10 * np.log10(255**2 / 0.18)
    assert found == {
        "psnr_mean": round(mean, 3),
        "psnr_of_mean": round(both, 3),
        "digit_id": 66.67,
    }


def test_digits_of_another_size_are_refused_and_named():
    small = Judged("test", np.zeros((2, 14, 14), np.uint8), np.zeros(2, np.uint8))
    skeleton = SimpleNamespace(name="tiny", spec=Spec(height=16, width=16, image=14))
    require_size(small, skeleton)
    text = "Skeleton tiny must take digits of {} x {}, not images of 14 x 14"
    for shape in ((2, 28, 28), (2, 14, 28), (2, 28, 14)):
        with pytest.raises(InputError, match=f"^{text.format(*shape[1:])}$"):
            require_size(Judged("test", np.zeros(shape, np.uint8), small.labels), skeleton)


def test_show_digits_are_judged_where_there_are_no_test_digits():
    shown = show_digits()
    for images, labels in ((None, shown[1]), (shown[0], None)):
        found = digits_to_judge(SimpleNamespace(test_images=images, test_labels=labels), 4)
        assert found.rows == "show" and found.images.shape == (4, 28, 28)
        np.testing.assert_array_equal(found.images, shown[0][:4])
        np.testing.assert_array_equal(found.labels, shown[1][:4])


def test_labels_of_letters_are_refused_and_no_digits_are_none():
    def found(labels):
        images = np.zeros((len(labels), 28, 28), np.uint8)
        return SimpleNamespace(
            test_images=images, test_labels=np.array(labels, np.uint8), source="a folder"
        )

    text = "Test labels must be of digits, 0 to 9, not 10: a folder"
    with pytest.raises(InputError, match=f"^{text}$"):
        digits_to_judge(found([3, 10, 9]), 1)
    assert digits_to_judge(found([3, 9])).labels.tolist() == [3, 9]
    assert digits_to_judge(found([])).rows == "test"


@pytest.mark.parametrize(("gated", "told"), [(True, "gated"), (False, "no gate")])
def test_results_are_shown_row_by_row(capsys, gated, told):
    def scores(at):
        return {"psnr_mean": at + 0.123, "psnr_of_mean": at + 1.456, "digit_id": 90.0 + at}

    rows = {name: scores(at) for at, name in enumerate(("blanked", "restored", "pasted"))}
    show({
        "gated": gated, "images": 1000, "rows": "show", "skeleton": "mine", "device": "golden",
        "steps": 12, **rows,
    })  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"mine on golden, {told}, 1,000 show digits"
    table = [re.sub(r"[^\w.%]+", " ", line).split() for line in lines[1:]]
    table = [row for row in table if row]
    assert table == [
        ["step", "12", "mean", "PSNR", "PSNR", "of", "mean", "read", "right"],
        ["blanked", "0.12", "dB", "1.46", "dB", "90.00", "%"],
        ["restored", "1.12", "dB", "2.46", "dB", "91.00", "%"],
        ["pasted", "2.12", "dB", "3.46", "dB", "92.00", "%"],
    ]


def test_images_come_to_the_referee_between_0_and_1():
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 3, 4], images[0, 5, 6] = 255, 51
    found = as_input(images)
    assert found.shape == (2, 1, 28, 28) and found.dtype == torch.float32
    assert found[1, 0, 3, 4] == 1 and found[0, 0, 5, 6] == np.float32(0.2) and found.sum() == 1.2


def test_the_classifier_is_that_of_the_weights_on_record():
    shapes = [tuple(parameter.shape) for parameter in network().parameters()]
    assert shapes == [
        (16, 1, 5, 5), (16,), (32, 16, 5, 5), (32,), (128, 512), (128,), (10, 128), (10,)
    ]  # fmt: skip
    assert not Referee(network()).classifier.training
    assert network()[9].p == 0.5


def test_a_record_says_all_that_the_weights_came_from(monkeypatch, tmp_path):
    fits = []
    monkeypatch.setattr(train, "fit", lambda *given: fits.append(given))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: fits.append(count))
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), np.uint8)
    torch.manual_seed(1)
    reading, _ = Referee(network()).read(images[4:])
    labels = np.array([4, 5, 6, 7, *reading[:2], (reading[2] + 1) % 10], np.uint8)
    given = SimpleNamespace(
        train_images=images[:4], train_labels=labels[:4], test_images=images[4:],
        test_labels=labels[4:], source="a folder", digest="abc",
    )  # fmt: skip
    record = train.train(given, tmp_path / "there")
    raw = (tmp_path / "there" / WEIGHTS.name).read_bytes()
    assert record == {
        "command": "thalweg referee --output sw/judge/referee",
        "seed": 1,
        "epochs": 12,
        "torch": torch.__version__,
        "data": "a folder",
        "data_digest": "abc",
        "trained_on": 4,
        "test_digits": 3,
        "test_right": 2,
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    assert json.loads((tmp_path / "there" / PROVENANCE.name).read_text()) == record
    one, (_, inputs, wanted) = fits
    assert one == 1 and torch.equal(inputs, as_input(images[:4]))
    assert wanted.dtype == torch.int64 and wanted.tolist() == [4, 5, 6, 7]


def test_fitting_takes_each_digit_once_an_epoch_in_whole_batches_its_rate_falling_to_0(monkeypatch):
    monkeypatch.setattr(train, "BATCH", 3)
    monkeypatch.setattr(train, "EPOCHS", 4)
    assert train.RATE == 2e-3
    rates, seen, adam = [], [], torch.optim.Adam.step

    def step(optimiser, *given):
        rates.append(optimiser.param_groups[0]["lr"])
        chosen = torch.tensor(seen[-1])
        logits = torch.nn.functional.linear(inputs[chosen], line.weight, line.bias)
        loss = torch.nn.functional.cross_entropy(logits, chosen)
        (wanted,) = torch.autograd.grad(loss, line.weight)
        torch.testing.assert_close(line.weight.grad, wanted)  # of this batch alone
        return adam(optimiser, *given)

    class Line(torch.nn.Linear):
        def forward(self, inputs):
            assert self.training
            seen.append(inputs[:, 0].int().tolist())
            return super().forward(inputs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    torch.manual_seed(0)
    line = Line(2, 10)
    before = line.weight.detach().clone()
    inputs = torch.arange(8.0)[:, None].expand(8, 2)
    train.fit(line.eval(), inputs, torch.arange(8))
    assert [len(batch) for batch in seen] == [3] * 8
    epochs = [seen[at] + seen[at + 1] for at in range(0, 8, 2)]
    assert all(len(set(epoch)) == 6 for epoch in epochs) and len(set(map(tuple, epochs))) == 4
    assert rates == pytest.approx([1e-3 * (1 + np.cos(np.pi * k / 8)) for k in range(8)])
    assert not torch.equal(line.weight, before)


def test_fitting_lowers_the_loss(monkeypatch):
    monkeypatch.setattr(train, "BATCH", 4)
    monkeypatch.setattr(train, "RATE", 0.1)
    torch.manual_seed(0)
    line, inputs, labels = torch.nn.Linear(4, 10), torch.eye(4), torch.tensor([3, 1, 4, 5])
    train.fit(line, inputs, labels)
    assert line(inputs).argmax(1).tolist() == [3, 1, 4, 5]


def test_weights_of_another_network_or_a_broken_record_are_one_line(tmp_path):
    raw = save({"x": torch.zeros(1)})
    weights, record = tmp_path / "weights", tmp_path / "record"
    weights.write_bytes(raw)
    record.write_text(json.dumps({"sha256": hashlib.sha256(raw).hexdigest()}))
    with pytest.raises(InputError, match=rf"^{weights} must be the referee's weights: [^\n]+$"):
        Referee.load(weights, record)
    record.write_text("{}")
    with pytest.raises(InputError, match=rf"^{record} must be the referee's record: 'sha256'$"):
        Referee.load(weights, record)
