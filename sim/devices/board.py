"""The simulated board: the whole design behind its two wires, or behind a pseudo-terminal."""

import ctypes
import os
import select
import termios
import tty

import numpy as np
from amaranth import Shape

from golden.errors import InputError
from hw.link.link import PATIENCE
from hw.skeleton_memory import images, layouts
from sim.devices.build import load_library
from sim.devices.verilate import BoardDesign, build_library

__all__ = ["CLOCK", "SimulatedBoard", "SimulatedPort", "divisor_of", "serve"]

CLOCK = 24_000_000
"""Nominal clock of the link: eight to a bit at 3 Mbaud, so that little is simulated for a byte."""

RATIO = 2.135
"""Clocks of the chip to one of the link: no small fraction, so that each meets all of the other."""

SLICE = 1 << 18
"""Clocks of the link that are simulated at a time: about a second."""

FLUSH = 64
BURST = 20_000
"""Clocks between two looks at the pseudo-terminal."""

BACKLOG = 1 << 16
"""Bytes kept for a host that does not read."""

RATES = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


def divisor_of(clock, baud):
    """Return the clocks of a bit; raise where no divisor gives the rate."""
    divisor = round(clock / baud) if baud > 0 else 0
    if divisor < 4 or abs(clock / divisor / baud - 1) > 0.02:
        raise InputError(
            f"--baud must be at most {clock // 4} and within 2 % of {clock} / n, not {baud}"
        )
    return divisor


class SimulatedBoard:
    """A board under Verilator, bytes at its wires.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    divisor : int
        Clocks of the link that a bit lasts.
    patience : int
        Clocks of the link that a request waits for the chip.
    ratio : float
        Clocks of the chip to one of the link.
    memories : dict of str to list of int
        Skeleton memory images, where they are to differ from what the skeletons make.
    """

    def __init__(
        self,
        geometry,
        skeletons,
        *,
        divisor=8,
        patience=PATIENCE,
        ratio=RATIO,
        memories=None,
        progress=print,
    ):
        self.divisor = divisor
        design = BoardDesign(geometry, divisor, patience)
        self._start(design, skeletons, memories, progress, ratio)
        self.pace(divisor)
        self.reset()

    def _start(self, design, skeletons, memories=None, progress=print, ratio=1):
        """Make a model of a design, and store what its memories hold."""
        self.geometry = geometry = design.geometry
        self.patience = design.patience
        self._open(design, progress, ratio)
        memories = memories or images(geometry, skeletons)
        for index, name in enumerate(design.memories):
            self._store(index, Shape.cast(layouts(geometry)[name]).width, memories[name])

    def _open(self, design, progress, ratio=1):
        self.design = design
        self._library = load(build_library(design, progress))
        self._board = self._library.board_new(ratio)

    def __del__(self):
        if getattr(self, "_board", None):
            self._library.board_delete(self._board)
            self._board = None

    def pace(self, to_board, from_board=None):
        """Set the clocks of a bit at the host's end."""
        self._library.board_pace(self._board, to_board, from_board or to_board)

    def reset(self):
        """Reset the board, as its button would."""
        self._library.board_reset(self._board, FLUSH)

    def send(self, data):
        """Put bytes onto the wire to the board, behind those that wait."""
        self._library.board_send(self._board, data, len(data))

    def receive(self, most=4096):
        """Return bytes that have come over the wire from the board."""
        data = ctypes.create_string_buffer(most)
        count = self._library.board_receive(self._board, data, most)
        return data.raw[:count]

    def clock(self, limit, quiet):
        """Clock until a frame has ended, the wires have been quiet for a while, or a limit."""
        return self._library.board_clock(self._board, limit, quiet)

    @property
    def clocks(self):
        """Clocks of the link so far: all that is said of time here counts in these."""
        return self._library.board_clocks(self._board)

    @property
    def chip_clocks(self):
        """Clocks of the chip so far."""
        return self._library.board_chip_clocks(self._board)

    @property
    def quiet(self):
        """Clocks since a wire last moved."""
        return self._library.board_quiet(self._board)

    def _store(self, index, width, rows):
        words = -(-width // 32)
        for row, value in enumerate(rows):
            items = np.array([value >> 32 * k & 0xFFFFFFFF for k in range(words)], np.uint32)
            pointer = items.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))
            if self._library.board_store(self._board, index, row, pointer):
                raise ValueError(f"The board has no memory {index}")


class SimulatedPort:
    """A `sw.serial.link.Port` to a simulated board, in the simulation's own time.

    Parameters
    ----------
    board : SimulatedBoard
        The board.
    patience : int
        Clocks in which nothing moves after which an answer is not waited for any longer.
    """

    name = "the simulated board"

    def __init__(self, board, patience=None):
        self.board = board
        self.patience = patience or 2 * board.patience

    def write(self, data):
        """Send bytes."""
        self.board.send(data)

    def read(self):
        """Wait for bytes; none if none came in time."""
        data = self.board.receive()
        if not data:
            quiet = self.board.quiet + self.patience
            while self.board.clock(SLICE, quiet) == SLICE:  # signals are looked at in between
                pass
            data = self.board.receive()
        return data

    def close(self):
        """Do nothing: the board is there for the next."""


def serve(board, clock=CLOCK, ready=print):
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


def deliver(file, data):
    """Write what the pseudo-terminal has room for; return the rest."""
    if not data:
        return data
    try:
        return data[os.write(file, data) :]
    except BlockingIOError:
        return data


def rate_of(terminal, default):
    """Return the rate that a terminal is set to, in bits a second; `default` if it has no name."""
    return RATES.get(termios.tcgetattr(terminal)[5]) or default


def set_rate(terminal, baud):
    """Set the rate that a terminal shows until its host sets it."""
    codes = {rate: code for code, rate in RATES.items()}
    attributes = termios.tcgetattr(terminal)
    attributes[4] = attributes[5] = codes.get(baud, termios.B38400)
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def load(path):
    """Load the library and declare its functions."""
    library = load_library(path)
    board, integer, wide = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64
    items, real = ctypes.POINTER(ctypes.c_uint32), ctypes.c_double
    for name, result, arguments in (
        ("board_new", board, (real,)),
        ("board_delete", None, (board,)),
        ("board_store", integer, (board, integer, integer, items)),
        ("board_pace", None, (board, real, real)),
        ("board_reset", None, (board, integer)),
        ("board_send", None, (board, ctypes.c_char_p, integer)),
        ("board_receive", integer, (board, ctypes.c_char_p, integer)),
        ("board_clock", wide, (board, wide, wide)),
        ("board_clocks", wide, (board,)),
        ("board_chip_clocks", wide, (board,)),
        ("board_quiet", wide, (board,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
