"""Settling: codes added to channels at the end of training, so that states come to rest.

A site whose change stays just outside the dead zone counts on, code by code, until it saturates,
and what reads it moves along. A few codes on its channel's change stop it, or have it saturate
soon. Some on the origins of all channels that count, and what counts arrives so many steps sooner
(see `sw.train.origins`): no more than noise can bear. No gradient tells: what moves can only be
made to move less by it, never faster. So codes are tried one after the other, in the chip's
arithmetic.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import numpy as np
import torch

from sw.data.load import Digits
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.outcome import Offsets, Outcome, Starts, Trained, add_offsets, run_starts

__all__ = ["Search", "settle"]

PUSHES = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Codes that a channel's change is moved by."""
SHIFTS = (4, 8)
"""Codes that origins are moved by: of all channels that count at once, or of one."""
SELDOM = 0.01
"""Share of the digits that may move in a channel without its being tried."""
PASSES = 3
"""How often all other channels are gone through at most."""


def settle(learner: Learner, digits: Digits, options: Options) -> None:
    """Add to the rule's biases what brings training digits and noise to rest."""
    with torch.no_grad():
        machine, starts = Trained(learner), Starts.of(digits, options)

        def look(offsets: Offsets) -> Outcome:
            machine.offset(offsets)
            return run_starts(machine, starts)

        search = Search(options.spec.channels, look)
        search.run()
        learner.rule = add_offsets(learner.rule, search.offsets)


def say(text: str) -> None:
    """Tell the user how far it is."""
    print(text, file=sys.stderr, flush=True)


class Search:
    """The search for the offsets that leave least moving, channel by channel.

    Parameters
    ----------
    channels
        Of the rule.
    look
        Returns the outcome of given offsets.
    say
        Takes a line of progress.
    """

    def __init__(
        self,
        channels: int,
        look: Callable[[Offsets], Outcome],
        say: Callable[[str], None] = say,
    ) -> None:
        self.channels, self.look, self.say = channels, look, say
        self.offsets = Offsets.none(channels)
        """The best so far."""
        self.first = self.best = look(self.offsets)
        """Outcomes without offsets, and with the best."""

    def run(self) -> None:
        """Go through the channels until a whole pass changes nothing."""
        for _ in range(PASSES):
            before = self.offsets
            for channel in self.best.moving.sum(0).argsort()[::-1].tolist():
                if np.mean(self.best.moving[:, channel] > 0) > SELDOM:
                    self.try_channel(channel)
            self.try_origins()
            if self.offsets is before:
                return

    def try_channel(self, channel: int) -> None:
        """Try offsets of one channel, the one that moves and the others as they are."""
        one = np.arange(self.channels) == channel
        changes, origins = self.offsets
        tries = [self.offsets._replace(changes=changes + push * one) for push in PUSHES]
        if self.best.ways[channel]:
            ways = [shift * self.best.ways * one for shift in SHIFTS]
            tries += [self.offsets._replace(origins=origins + way) for way in ways]
        self.choose(tries)
        self.tell(
            f"channel {channel}: {self.offsets.changes[channel]:+.2f} codes a step, "
            f"{self.offsets.origins[channel]:+.0f} on its origin"
        )

    def try_origins(self) -> None:
        """Try to move the origins of all channels that count, at once."""
        origins, ways = self.offsets.origins, self.best.ways
        if ways.any():
            self.choose([self.offsets._replace(origins=origins + s * ways) for s in SHIFTS])
        codes = ", ".join(f"{each:+.0f}" for each in self.offsets.origins)
        self.tell(f"origins: {codes} codes")

    def choose(self, tries: Iterable[Offsets]) -> None:
        """Take the best of these offsets where they are better than the best so far."""
        for tried in tries:
            found = self.look(tried)
            if found.cost(self.first) < self.best.cost(self.first):
                self.best, self.offsets = found, tried

    def tell(self, what: str) -> None:
        """Say what was tried, and what the best offsets lead to."""
        best, moving = self.best, self.best.moving.sum(1)
        self.say(
            f"{what}, {moving.mean():.1f} sites moving, "
            f"{100 * np.mean(moving == 0):.0f} % at rest, "
            f"{best.digits[-1].mean():.2f} dB, hurt {best.hurt:.2f} dB, noise {best.noise:.2f} dB"
        )
