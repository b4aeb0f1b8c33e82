"""Exact float32: operations on codes do not depend on the caller's settings of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["exact_float32", "tensor"]


@contextmanager
def exact_float32() -> Iterator[None]:
    """Compute in full float32 without gradients, and restore the caller's settings afterwards.

    `torch.autocast` and the precision of float32 products would round codes to a few bits.
    """
    backend: Any = torch.backends.mkldnn
    operations = backend.matmul, backend.conv
    before = [operation.fp32_precision for operation in operations]
    for operation in operations:
        operation.fp32_precision = "ieee"
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        for operation, precision in zip(operations, before, strict=True):
            operation.fp32_precision = precision


def tensor(codes: np.ndarray) -> Tensor:
    """Return codes as float32 on the CPU; the array may have any layout and byte order."""
    return torch.from_numpy(np.array(codes, np.float32, order="C"))
