"""The ports: images, raw lattices, planes and deltas on their way in and out."""
