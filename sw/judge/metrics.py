"""Metrics of restorations: PSNR and SSIM, with or without the known pixels pasted back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["PEAK", "Closeness", "closeness", "paste", "psnr", "squared_errors", "ssim"]

PEAK = 255


class Closeness(NamedTuple):
    """PSNR of a set of images in dB, with the mean taken in two ways."""

    psnr_mean: float
    """Mean of the PSNR of each image."""
    psnr_of_mean: float
    """PSNR of the mean squared error over all images."""

    @classmethod
    def of(cls, errors: np.ndarray, pixels: int = 784) -> Closeness:
        """Return the closeness of images, from the mean squared error of each (n,)."""
        return cls(float(psnr(errors, pixels).mean()), float(psnr(errors.mean(), pixels)))

    def to_json(self) -> dict[str, float]:
        """Return both values by name, rounded to 0.001 dB."""
        return {name: round(decibels, 3) for name, decibels in self._asdict().items()}


def squared_errors(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Return the mean squared error of each image, float64 (n,), images uint8 (n, h, w)."""
    difference = images.astype(np.int64) - originals
    return np.asarray(np.mean(difference**2, axis=(1, 2)))


def psnr(mean_squared_error: np.ndarray | float, pixels: int = 784) -> np.ndarray:
    """Return the PSNR in dB of a mean squared error, peak 255.

    An error of 0 counts as an error of one code in one of ``pixels`` pixels, which is 77.07 dB for
    784 pixels. Otherwise one perfect image would make a mean infinite.
    """
    floored = np.maximum(mean_squared_error, 1 / pixels)
    return np.asarray(10 * np.log10(PEAK**2 / floored))


def closeness(images: np.ndarray, originals: np.ndarray) -> Closeness:
    """Compare images with their originals, uint8 (n, h, w), n at least 1."""
    return Closeness.of(squared_errors(images, originals), originals[0].size)


def paste(restored: np.ndarray, originals: np.ndarray, blanked: np.ndarray) -> np.ndarray:
    """Return the restored images with the original pixels where none were blanked."""
    return np.where(blanked, restored, originals)


def ssim(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Return the structural similarity of each image, float64 (n,), images uint8 (n, h, w).

    With the constants and the Gaussian window (11 pixels, sigma 1.5) of Wang et al., 2004, over
    every window that lies within the image. In a smaller image the window is cut to fit.
    """
    x, y = images.astype(np.float64), originals.astype(np.float64)
    mean_x, mean_y = window_mean(x), window_mean(y)
    spread_x, spread_y = window_mean(x * x) - mean_x**2, window_mean(y * y) - mean_y**2
    shared = window_mean(x * y) - mean_x * mean_y
    one, two = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    alike = (2 * mean_x * mean_y + one) * (2 * shared + two)
    total = (mean_x**2 + mean_y**2 + one) * (spread_x + spread_y + two)
    return np.asarray((alike / total).mean(axis=(1, 2)))


def window_mean(images: np.ndarray) -> np.ndarray:
    """Return the Gaussian-weighted mean of every window of images (n, h, w)."""
    reach = min(5, (min(images.shape[1:]) - 1) // 2)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
    window /= window.sum()
    for axis in (1, 2):
        count = images.shape[axis] - len(window) + 1
        parts = (images.take(range(i, i + count), axis=axis) * w for i, w in enumerate(window))
        images = sum(parts, start=np.zeros(()))
    return images
