"""Running a baseline on whole sets of digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from sw.runs.ordinary import ordinary

__all__ = ["restore_images"]

BATCH = 250


@ordinary()
def restore_images(
    network: nn.Module,
    damaged: np.ndarray,
    progress: Callable[[int], None] = lambda done: None,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Restore images uint8 (n, h, w): the network's outputs, clipped and rounded to uint8."""
    results = np.empty_like(damaged)
    with torch.inference_mode():
        for begin in range(0, len(damaged), BATCH):
            batch = slice(begin, begin + BATCH)
            images = torch.from_numpy(damaged[batch]).to(device).unsqueeze(1).float() / 255.0
            codes = (network(images) * 255).round().clamp(0, 255).to(torch.uint8)
            results[batch] = codes.squeeze(1).cpu().numpy()
            progress(len(codes))
    return results
