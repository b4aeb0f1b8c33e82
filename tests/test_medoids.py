"""Which digit of each class noise shall become."""

import numpy as np

from sw.train.medoids import medoids


def test_a_medoid_is_the_digit_closest_to_its_fellows():
    images = np.zeros((30, 28, 28), np.uint8)
    images[:, 0, 0] = np.tile([10, 100, 110], 10)  # 100 is between the others, nearer to 110
    labels = np.repeat(np.arange(10), 3)

    found = medoids(images, labels)
    assert found.shape == (10, 28, 28)
    assert found[:, 0, 0].tolist() == [100.0] * 10


def test_a_medoid_is_looked_for_among_the_first_four_hundred():
    levels = np.concatenate([np.full(190, 10), np.full(210, 20), np.full(900, 250)])
    images = np.zeros((13_000, 2, 2), np.uint8)
    labels = np.tile(np.arange(10), 1300)
    images[:, 1, 1] = np.repeat(levels, 10)
    images[:, 0, 0] = labels
    found = medoids(images, labels)
    assert found[:, 0, 0].tolist() == list(range(10))
    assert found[:, 1, 1].tolist() == [20.0] * 10, (
        "more than half of four hundred, not of fewer or more"
    )


def rings(levels, size=12):
    """Return a closed ring for each level of its ink, far from the edge."""
    images = np.zeros((len(levels), size, size), np.uint8)
    for image, level in zip(images, levels, strict=True):
        image[3:9, 3:9] = level
        image[5:7, 5:7] = 0
    return images


def others(count, size=12):
    """Return nine more classes, a spot each, and their labels from 1 on."""
    images = np.zeros((9 * count, size, size), np.uint8)
    labels = np.repeat(np.arange(1, 10), count)
    images[np.arange(len(labels)), 0, labels] = 200
    return images, labels


def test_an_open_stroke_is_left_out():
    spots, labels = others(5)
    images = rings([66, 68, 70, 72, 74])
    images[2, 3:5, 5] = 63  # the closest to all has a gap, where it is as good as drawn
    found = medoids(np.concatenate([images, spots]), np.concatenate([np.zeros(5, int), labels]))
    assert int(found[0].max()) in {68, 72}


def test_an_image_amid_another_class_is_left_out():
    spots, labels = others(5)
    images = rings([200, 210, 220, 230, 240])
    twins = rings([220] * 12)  # of the class 1: all neighbours of the closest to its fellows
    found = medoids(
        np.concatenate([images, spots, twins]),
        np.concatenate([np.zeros(5, int), labels, np.ones(12, int)]),
    )
    assert found[0].max() != 220
