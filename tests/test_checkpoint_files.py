"""Checkpoints as files: down to the disk, bounded, taken only where they fit their model."""

import os

import pytest
import torch

from golden.errors import InputError
from sw.runs import checkpoint
from sw.runs.checkpoint import Diverged, put, read, require_alike, require_finite, restore, whole
from sw.runs.checkpoint import write as write_down


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(monkeypatch, tmp_path):
    path, order = tmp_path / "x.pt", []
    path.write_bytes(b"before")
    replace = os.replace

    def fsync(number):
        order.append(("down", os.fstat(number).st_size))

    def rename(source, target):
        order.append(("named", os.stat(source).st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    write_down({"a": torch.arange(9)}, path)

    size = path.stat().st_size
    assert order == [("down", size), ("named", size)], "all of it, none left in a buffer"
    assert torch.equal(read(path, "cpu")["a"], torch.arange(9))


def test_a_checkpoint_is_loaded_where_training_runs_and_as_weights_alone(monkeypatch, tmp_path):
    path, asked = tmp_path / "x.pt", []
    path.write_bytes(b"some")

    def load(given, **named):
        asked.append((given, named))
        return {}

    monkeypatch.setattr(torch, "load", load)
    assert read(path, "meta") == {}
    assert asked == [(path, {"map_location": "meta", "weights_only": True})]


def test_a_file_that_is_far_too_large_is_not_read(monkeypatch, tmp_path):
    path = tmp_path / "x.pt"
    write_down({"a": torch.zeros(9)}, path)
    monkeypatch.setattr(checkpoint, "LARGEST", path.stat().st_size)
    read(path, "cpu")
    monkeypatch.setattr(checkpoint, "LARGEST", path.stat().st_size - 1)
    with pytest.raises(InputError, match=r"x\.pt must have at most [0-9,]+ bytes$"):
        read(path, "cpu")


def test_a_checkpoint_may_have_sixteen_gibibytes():
    assert checkpoint.LARGEST == 16 * 1024**3


@pytest.mark.parametrize("error", [MemoryError("no room"), torch.OutOfMemoryError("no room")])
def test_a_machine_without_room_is_not_a_broken_file(tmp_path, error):
    with pytest.raises(type(error), match=r"^no room$"), whole(tmp_path):
        raise error


@pytest.mark.parametrize("error", [OSError("short read"), EOFError(), KeyError("stage")])
def test_whatever_a_broken_file_raises_is_one_line(tmp_path, error):
    text = f"^{tmp_path} must be a checkpoint: remove it to begin anew$"
    with pytest.raises(InputError, match=text), whole(tmp_path):
        raise error


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
    ],
)
def test_tensors_must_have_a_models_shapes_and_kinds(one, other):
    require_alike([one, other], [one.clone(), other.clone()])
    for given, wanted in (([one, one], [one, other]), ([one], [one, one]), ([one, one], [one])):
        with pytest.raises(ValueError):
            require_alike(given, wanted)


def test_values_are_put_in_order_and_only_where_all_fit():
    parameters = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(3))]
    put([torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])], parameters)
    assert [each.tolist() for each in parameters] == [[1, 2], [3, 4, 5]]
    with pytest.raises(ValueError):
        put([torch.zeros(2), torch.zeros(1)], parameters)
    assert parameters[0].tolist() == [1, 2]


MAKERS = {
    "exp_avg": lambda group: torch.optim.Adam(group, lr=0.1),
    "exp_avg_sq": lambda group: torch.optim.Adam(group, lr=0.1),
    "momentum_buffer": lambda group: torch.optim.SGD(group, lr=0.1, momentum=0.9),
}


@pytest.mark.parametrize("moment", MAKERS)
def test_what_an_optimiser_keeps_must_fit_its_parameters(moment):
    def made():
        parameter = torch.nn.Parameter(torch.ones(4))
        optimiser = MAKERS[moment]([parameter])
        parameter.sum().backward()
        return optimiser

    first = made()
    first.step()
    state = first.state_dict()
    second = made()
    restore(second, state)
    assert torch.equal(second.state_dict()["state"][0][moment], state["state"][0][moment])
    state["state"][0][moment] = state["state"][0][moment][:1]
    with pytest.raises(ValueError, match=r"^\(1,\) in the place of \(4,\)$"):
        restore(made(), state)


def test_what_is_no_number_any_more_is_told_with_its_batch():
    require_finite({"a": (1.0, [torch.tensor([1, 2]), torch.zeros(2)])}, "hold", 7)
    text = r"^hold batch 7: a weight is no number any more: try a lower learning rate of "
    with pytest.raises(Diverged, match=text):
        require_finite([0.0, (torch.tensor([1.0, float("inf")]),)], "hold", 7)
    assert str(Diverged("letters", 3)).startswith(
        "letters batch 3: the loss is no number any more: try a lower learning rate of "
    )
