"""What moving a channel's origin does to a skeleton's integers."""

from dataclasses import replace


def with_origins(skeleton, origins):
    """Return the skeleton with so many codes, an int for each channel, on every state."""
    encode, perceive, readout = skeleton.encode, skeleton.perceive, skeleton.readout
    lower = perceive.weight.sum((1, 2)) * origins.repeat(skeleton.spec.multiplier)
    return replace(
        skeleton,
        encode=replace(encode, bias=encode.bias + (origins << encode.shift)),
        perceive=replace(perceive, bias=perceive.bias - lower),
        readout=replace(readout, bias=readout.bias - (readout.weight * origins).sum()),
    )
