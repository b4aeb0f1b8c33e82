"""The networks that restored digits are compared with: an auto-encoder, a U-Net and an MLP.

Each maps blanked images, float32 (B, 1, 28, 28) from 0 to 1, to restored ones of the same shape,
not clipped. None gets the mask of blanked pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MODELS", "Autoencoder", "Mlp", "UNet", "build"]

IMAGE = 28
CODE = 4  # pixels a side of the smallest maps


class Autoencoder(nn.Module):
    """A plain convolutional auto-encoder with a code of 448 numbers.

    Strided convolutions reduce maps to 14, 7 and 4 pixels a side; transposed ones enlarge them.
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 64), code: int = 448) -> None:
        super().__init__()
        one, two, three = widths
        self.encoder = nn.Sequential(
            nn.Conv2d(1, one, 3, stride=2, padding=1),
            nn.ReLU(True),
            nn.Conv2d(one, two, 3, stride=2, padding=1),
            nn.ReLU(True),
            nn.Conv2d(two, three, 3, stride=2, padding=1),
            nn.ReLU(True),
            nn.Flatten(),
            nn.Linear(three * CODE * CODE, code),
            nn.ReLU(True),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, three * CODE * CODE),
            nn.ReLU(True),
            nn.Unflatten(1, (three, CODE, CODE)),
            nn.ConvTranspose2d(three, two, 3, stride=2, padding=1),
            nn.ReLU(True),
            nn.ConvTranspose2d(two, one, 4, stride=2, padding=1),
            nn.ReLU(True),
            nn.ConvTranspose2d(one, 1, 4, stride=2, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Restore images."""
        restored: Tensor = self.decoder(self.encoder(images))
        return restored


class Block(nn.Module):
    """A residual block: two convolutions whose result is added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.two.weight)  # begins as identity: needs no normalisation

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (B, width, h, w)."""
        found: Tensor = self.two(functional.silu(self.one(functional.silu(maps))))
        return maps + found


class UNet(nn.Module):
    """A U-Net of residual blocks on maps of 14, 7 and 4 pixels a side.

    Its first and last maps hold 2 x 2 pixels as channels: the same information as at full size, and
    fast enough on a CPU. Skip connections are added, not concatenated.
    """

    def __init__(self, widths: tuple[int, int, int] = (48, 96, 160), blocks: int = 2) -> None:
        super().__init__()
        one, two, three = widths

        def stage(width: int) -> nn.Sequential:
            return nn.Sequential(*(Block(width) for _ in range(blocks)))

        self.stem = nn.Conv2d(4, one, 3, padding=1)
        self.down_one, self.down_two = stage(one), stage(two)
        self.shrink_one = nn.Conv2d(one, two, 3, stride=2, padding=1)
        self.shrink_two = nn.Conv2d(two, three, 3, stride=2, padding=1)
        self.middle = stage(three)
        self.grow_two = nn.ConvTranspose2d(three, two, 3, stride=2, padding=1)
        self.grow_one = nn.ConvTranspose2d(two, one, 4, stride=2, padding=1)
        self.up_two, self.up_one = stage(two), stage(one)
        self.head = nn.Conv2d(one, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Restore images."""
        folded = functional.pixel_unshuffle(images, 2)
        large = self.down_one(self.stem(folded))
        small = self.down_two(self.shrink_one(large))
        middle = self.middle(self.shrink_two(small))
        small = self.up_two(small + self.grow_two(middle))
        large = self.up_one(large + self.grow_one(small))
        return functional.pixel_shuffle(folded + self.head(functional.silu(large)), 2)


class Mlp(nn.Module):
    """A perceptron of the gate's size: one hidden layer of 1,024 units."""

    def __init__(self, hidden: int = 1024) -> None:
        super().__init__()
        pixels = IMAGE * IMAGE
        self.layers = nn.Sequential(
            nn.Linear(pixels, hidden), nn.ReLU(True), nn.Linear(hidden, pixels)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Restore images."""
        restored: Tensor = self.layers(images.flatten(1))
        return restored.view_as(images)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "autoencoder": Autoencoder,
    "unet": UNet,
    "mlp": Mlp,
}


def build(name: str, seed: int = 0) -> nn.Module:
    """Return an untrained network; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[name]()
