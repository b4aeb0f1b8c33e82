"""Golden's codes whatever the caller has told PyTorch: precision, default types, modes."""

from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch

from golden.device import GoldenDevice, restore
from golden.exact import exact_float32, tensor
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


@pytest.mark.parametrize("ends", [None, KeyError])
def test_products_and_convolutions_are_whole_and_without_gradients_within(ends):
    operations = torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv
    try:
        for operation, mine in zip(operations, ("bf16", "tf32"), strict=True):
            operation.fp32_precision = mine
        with (
            torch.autocast("cpu", torch.bfloat16),
            pytest.raises(ends) if ends else nullcontext(),
            exact_float32(),
        ):
            assert [operation.fp32_precision for operation in operations] == ["ieee", "ieee"]
            assert torch.is_inference_mode_enabled() and not torch.is_autocast_enabled("cpu")
            if ends:
                raise ends
        assert [operation.fp32_precision for operation in operations] == ["bf16", "tf32"]
        assert not torch.is_inference_mode_enabled()
    finally:
        for operation in operations:
            operation.fp32_precision = "none"


def test_codes_of_any_byte_order_and_layout_become_a_tensor_of_their_own():
    codes = np.arange(-3, 3).reshape(2, 3)
    for given in (codes.astype(">i4"), np.asfortranarray(codes), codes[::-1][::-1]):
        found = tensor(given)
        assert found.dtype == torch.float32 and found.is_contiguous()
        assert found.tolist() == codes.tolist()
    floats = codes.astype(np.float32)
    tensor(floats)[:] = 0
    assert floats.any()
