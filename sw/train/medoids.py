"""The digits that noise may fall into: one of each class, chosen among the training digits."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

__all__ = ["medoids"]

PER_CLASS = 400  # digits that a medoid is looked for among
NEIGHBOURS = 10  # training digits nearest to one, which tell how clearly it is of its class
INK = 64  # pixel code from which on a pixel counts as drawn


def medoids(images: np.ndarray, labels: np.ndarray) -> Tensor:
    """Return an image of each class, pixel codes (n, h, w): the closest to its fellows of the good.

    Good are those that enclose as many areas as most of their class, so that no stroke is open, and
    that two classifiers of different kinds tell apart as well as at least half of these. No referee
    is asked: they judge what becomes of noise.
    """
    rows = [np.flatnonzero(labels == label)[:PER_CLASS] for label in np.unique(labels)]
    near, linear = neighbours(images, labels, rows), margins(images, labels, rows)
    found = []
    for place, some in enumerate(rows):
        flat = torch.from_numpy(images[some].astype(np.float32)).flatten(1)
        distances = torch.cdist(flat, flat).sum(1).numpy()
        enclosed = np.array([enclosed_areas(image) for image in images[some]])
        whole = enclosed == np.bincount(enclosed).argmax()
        good = whole.copy()
        for clear in (near[place], linear[place]):
            good &= clear >= np.median(clear[whole])
        best = np.where(good if good.any() else whole, distances, np.inf).argmin()
        found.append(torch.from_numpy(images[some[best]].astype(np.float32)))
    return torch.stack(found)


def enclosed_areas(image: np.ndarray) -> int:
    """Return how many areas without ink an image (h, w) has, beside the one around it."""
    _, areas = ndimage.label(np.pad(image < INK, 1, constant_values=True))
    return int(areas) - 1


def neighbours(images: np.ndarray, labels: np.ndarray, rows: list[np.ndarray]) -> list[np.ndarray]:
    """Return for images of each class what share of those nearest to each is of its class."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(flat))).fit(flat)
    found = []
    for some in rows:
        _, nearest = search.kneighbors(flat[some])
        alike = labels[nearest] == labels[some][:, None]
        others = nearest != some[:, None]
        found.append((alike & others).sum(1) / others.sum(1))
    return found


def margins(images: np.ndarray, labels: np.ndarray, rows: list[np.ndarray]) -> list[np.ndarray]:
    """Return for images of each class by how much a linear classifier prefers it to the others."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255.0
    classifier = RidgeClassifier(alpha=1.0).fit(flat, labels)
    found = []
    for place, some in enumerate(rows):
        scores = classifier.decision_function(flat[some])
        found.append(scores[:, place] - np.delete(scores, place, 1).max(1))
    return found
