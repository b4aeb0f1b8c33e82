"""Golden's codes whatever the caller has told PyTorch: precision, default types, modes."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from golden.device import GoldenDevice, restore
from golden.gate import GateNetwork
from golden.skeleton import Skeleton, find


@contextmanager
def setting(put, value, back):
    put(value)
    try:
        yield
    finally:
        put(back)


@contextmanager
def op_precision():
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    torch.backends.mkldnn.conv.fp32_precision = "bf16"
    try:
        yield
        assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = "none"
        torch.backends.mkldnn.conv.fp32_precision = "none"


SETTINGS = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "float64": lambda: setting(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: setting(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "another device": lambda: torch.device("meta"),
    "precision of products": lambda: setting(
        torch.set_float32_matmul_precision, "medium", "highest"
    ),
    "precision of operations": op_precision,
    "deterministic": lambda: setting(torch.use_deterministic_algorithms, True, False),
}


def digits():
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)


def shown(device=None, network=None):
    folder = find("digits")
    device = device or GoldenDevice((Skeleton.load(folder),))
    network = network or GateNetwork.load(folder / "gate.safetensors")
    return restore(device, network, digits(), 10)


@pytest.mark.parametrize("name", SETTINGS)
def test_codes_do_not_depend_on_what_the_caller_has_set(name):
    wanted = shown()
    with SETTINGS[name]():
        device = GoldenDevice((Skeleton.load(find("digits")),))
        network = GateNetwork.load(find("digits") / "gate.safetensors")
        assert np.array_equal(shown(device, network), wanted)
    assert np.array_equal(shown(device, network), wanted)  # made there, and used outside


def test_the_callers_settings_stay():
    with torch.autocast("cpu", torch.bfloat16):
        shown()
        assert torch.is_autocast_enabled("cpu")
    torch.set_float32_matmul_precision("high")
    try:
        shown()
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
