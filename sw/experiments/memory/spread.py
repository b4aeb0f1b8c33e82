"""How things spread over groups: entropy, distances within and between, silhouette."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances, silhouette_score

__all__ = ["apart", "entropy"]


def entropy(counts: np.ndarray) -> float:
    """Return the entropy in bits of a distribution given by counts; 0 where there are none."""
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def apart(points: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Return how far points (n, ...) lie from others of their group and of other groups.

    Distances are root mean squares over a point's numbers. The silhouette runs from -1 to 1; None
    where fewer than two groups, or no group of two, leave nothing to compare.
    """
    if not len(points):
        return {"within": None, "between": None, "silhouette": None}
    flat = points.reshape(len(points), -1).astype(np.float32)
    distances = pairwise_distances(flat).astype(np.float64) / np.sqrt(flat.shape[1])
    np.fill_diagonal(distances, 0)
    same = groups[:, None] == groups
    pairs = ~np.eye(len(points), dtype=bool)
    kinds = len(np.unique(groups))
    score = None
    if 2 <= kinds < len(points):
        score = round(float(silhouette_score(distances, groups, metric="precomputed")), 4)
    return {
        "within": mean(distances[same & pairs]),
        "between": mean(distances[~same]),
        "silhouette": score,
    }


def mean(values: np.ndarray) -> float | None:
    """Return the rounded mean, None of nothing."""
    return round(float(values.mean()), 3) if len(values) else None
