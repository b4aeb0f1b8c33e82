"""Float32 in which every operation on codes is exact, whatever the caller has told PyTorch."""

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
    """Compute in whole float32 and without gradients, and leave the caller's settings as they were.

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
    """Return codes as float32 on the CPU; an array of any layout and byte order is read."""
    return torch.from_numpy(np.array(codes, np.float32, order="C"))
