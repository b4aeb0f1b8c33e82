"""A simulated board behind a pseudo-terminal, for any program that opens a serial port."""

import os
import select
import termios
import tty
from collections.abc import Callable
from typing import NoReturn

from sim.devices.board import CLOCK, SimulatedBoard

__all__ = ["serve"]

BURST = 20_000
"""Clocks between two looks at the pseudo-terminal."""

BACKLOG = 1 << 16
"""Bytes kept for a host that does not read."""

RATES = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


def serve(
    board: SimulatedBoard, clock: int = CLOCK, ready: Callable[[str], None] = print
) -> NoReturn:
    """Put a board behind a pseudo-terminal, tell `ready` its path, and run for ever.

    The host's rate is the one that it sets on its end: with another than the board's, neither
    understands the other, as on a real wire.
    """
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        set_rate(theirs, round(clock / board.divisor))
        os.set_blocking(ours, False)
        ready(os.ttyname(theirs))
        backlog = b""
        while True:
            # With nothing under way, wait for the host instead of spending its processor.
            idle = board.quiet > 2 * board.patience and not backlog
            heard, _, _ = select.select([ours], [], [], None if idle else 0)
            if heard:
                board.pace(clock / rate_of(theirs, clock / board.divisor))
                board.send(os.read(ours, 4096))
            board.clock(BURST, BURST)
            backlog = deliver(ours, (backlog + board.receive(BURST))[-BACKLOG:])
    finally:
        os.close(ours)
        os.close(theirs)


def deliver(file: int, data: bytes) -> bytes:
    """Write what the pseudo-terminal has room for; return the rest."""
    if not data:
        return data
    try:
        return data[os.write(file, data) :]
    except BlockingIOError:
        return data


def rate_of(terminal: int, default: float) -> float:
    """Return the rate that a terminal is set to, in bits a second; `default` if it has no name."""
    return RATES.get(termios.tcgetattr(terminal)[5]) or default


def set_rate(terminal: int, baud: int) -> None:
    """Set the rate that a terminal shows until its host sets it."""
    codes = {rate: code for code, rate in RATES.items()}
    attributes = termios.tcgetattr(terminal)
    attributes[4] = attributes[5] = codes.get(baud, termios.B38400)
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
