"""Float weights: what is kept comes back, and any damage is one line."""

import pytest
import torch
from safetensors.torch import load, save

from golden.errors import InputError
from sw.model import floats
from sw.train.learner import begin
from sw.train.options import Options
from tests.runs import SMALL


@pytest.fixture
def kept(tmp_path):
    """A learner, and the file of its weights."""
    learner, path = begin(Options(spec=SMALL)), tmp_path / "float.safetensors"
    floats.write(learner.rule, learner.gate, path)
    return learner, path


def refused(kept, text):
    """Read a file that must be refused, and leaves the weights as they were."""
    learner, path = kept
    before = [parameter.detach().clone() for parameter in learner.parameters]
    with pytest.raises(InputError, match=text):
        floats.read(learner.rule, learner.gate, path)
    for old, parameter in zip(before, learner.parameters, strict=True):
        assert torch.equal(old, parameter)


def test_weights_come_back_in_half_precision(kept):
    learner, path = kept
    rule, gate = floats.models(path, SMALL)
    for old, new in zip(learner.parameters, [*rule.parameters(), *gate.parameters()], strict=True):
        assert torch.equal(old.half().float(), new)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int8, torch.float64])
def test_another_precision_is_refused(kept, dtype):
    values = {name: value.to(dtype) for name, value in load(kept[1].read_bytes()).items()}
    kept[1].write_bytes(save(values))
    refused(kept, f"must hold half or single precision, not {dtype}")


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_no_number_is_refused(kept, value):
    values = load(kept[1].read_bytes())
    values["gate.output.bias"][3] = value
    kept[1].write_bytes(save(values))
    refused(kept, "must hold numbers, and some in gate.output.bias are none")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(kept, share):
    raw = kept[1].read_bytes()
    kept[1].write_bytes(raw[: int(len(raw) * share)])
    refused(kept, "must be a file of float weights: ")


def test_weights_of_others_are_refused(kept):
    values = load(kept[1].read_bytes())
    del values["rule.encode.bias"]
    kept[1].write_bytes(save(values))
    refused(kept, "must hold the weights of this rule and gate, and holds others")


def test_a_name_that_is_too_long_is_one_line():
    with pytest.raises(InputError, match="File name too long"):
        floats.find("n" * 300)
