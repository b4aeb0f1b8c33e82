"""A skeleton on a shelf for the tests of the command line, and what it must give."""

import struct

from golden.device import GoldenDevice, restore
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from sw.data.damage import blank

SPEC = Spec(gate=Gate(input_channel=0, output_channel=1, start=2, every=2, mapping="phase4"))
SMALL = Spec(height=4, width=4, image=4, gate=Gate(input_channel=0, output_channel=1, start=2))


def expected(folder, images, indices, *, damage=0.7, steps=10, gated=True):
    """What a restoration gives, by golden alone."""
    skeleton, gate = Skeleton.load(folder), GateNetwork.load(folder / "gate.safetensors")
    device = GoldenDevice((skeleton,))
    device.choose(0)
    damaged = blank(images, indices, damage)
    return restore(device, gate if gated else None, damaged, steps)


def idx(images):
    return b"\0\0\x08\x03" + struct.pack(">3I", *images.shape) + images.tobytes()
