"""The simulated device: the chip's Verilog as a native library, driven in bulk."""

import ctypes
import math
from contextlib import contextmanager

import numpy as np

from golden.device import (
    Counters,
    as_cells,
    as_deltas,
    as_images,
    as_place,
    as_states,
    as_steps,
    from_stream,
    to_stream,
)
from golden.errors import SkeletonDamaged, ToolError
from golden.wire import Operation
from hw.shapes import Geometry
from hw.skeleton_memory import images, layouts
from sim.devices.account import account_of
from sim.devices.build import load_library
from sim.devices.packing import command_code, pack, unpack, word_count, words
from sim.devices.verilate import ChipDesign, Port, build_library

__all__ = ["SimulatedDevice"]

FOREVER = (1 << 31) - 1
SLICE = 1 << 20
"""Clocks that are simulated at a time: about half a second."""

STUCK = 2


class SimulatedDevice:
    """A chip under Verilator as a `golden.device.Device`.

    Parameters
    ----------
    skeletons : tuple of Skeleton
        Contents of the skeleton memory; all of one lattice.
    filters : int
        Filters per clock, the chip's F.
    contexts : int
        Lattices that the chip holds.
    stall : int
        Chance, in 1/256, that a stream rests in a clock; 0 lets them flow.
    seed : int
        Seed of the rests.
    limit : int
        Clocks in which nothing moves after which the chip is taken for stuck.
    traced : bool
        Whether `trace` can count toggles: another library, several times slower.
    memories : dict of str to list of int
        Skeleton memory images, where they are to differ from what the skeletons make.
    """

    def __init__(
        self,
        skeletons,
        *,
        filters=5,
        contexts=2,
        stall=0,
        seed=0,
        limit=1 << 22,
        traced=False,
        memories=None,
        progress=print,
    ):
        spec = skeletons[0].spec
        self.geometry = geometry = Geometry(spec=spec.ungated, filters=filters, contexts=contexts)
        self.contexts = contexts
        self.skeletons = tuple(skeletons)
        self._limit = limit

        self._library = load(build_library(ChipDesign(geometry, traced), progress))
        self._chip = self._library.chip_new(seed, stall)
        self._store(memories or images(geometry, self.skeletons))
        self.damaged = self._check()

        self._loads: list[tuple[Operation, np.ndarray]] = []
        self._batch = self._step = 0
        self._base = Counters(0, 0)
        self.choose(0)

    def __del__(self):
        if getattr(self, "_chip", None):
            self._library.chip_delete(self._chip)
            self._chip = None

    def choose(self, index):
        """Take a skeleton."""
        self._index = as_place(index, len(self.skeletons))

    def load_images(self, images):
        """Encode images, each right before its run: the others run meanwhile."""
        images = as_images(images, self.geometry.spec, self.contexts)
        self._load(
            Operation.LOAD_IMAGE, images.reshape(len(images), self.geometry.spec.image**2), 0
        )

    def load_states(self, states, step):
        """Take raw lattices."""
        states = as_states(states, self.geometry.spec, self.contexts)
        self._load(Operation.LOAD_STATE, to_stream(states), as_steps(step))

    def start(self, steps, *, gated=True):
        """Start a run on every lattice."""
        steps, gate = as_steps(steps), self.skeletons[self._index].spec.gate if gated else None
        loads, self._loads = self._loads, []
        for context in range(self._batch):
            if loads:
                self._command(loads[context][0], context, data=loads[context][1])
            self._command(Operation.RUN, context, steps=steps, gate=gate, step=self._step)
        self._step += steps

    def planes(self):
        """Wait for openings: whatever planes are complete once the first one is."""
        cells = self.geometry.spec.cells
        self._clock(plane=cells)
        count = self._library.chip_waiting(self._chip, Port.PLANE) // cells
        entries = self._pop(Port.PLANE, count * cells).reshape(count, cells)
        layout = self.geometry.plane
        indices = unpack(layout, "context", entries[:, 0]).astype(np.intp)
        return indices, unpack(layout, "code", entries).astype(np.uint8).view(np.int8)

    def write_deltas(self, indices, deltas):
        """Answer openings."""
        deltas = as_deltas(deltas, self.geometry.spec, len(indices))
        for index, delta in zip(np.asarray(indices).tolist(), deltas, strict=True):
            codes = delta.astype(np.int64)
            self._push(Port.DELTA, pack(self.geometry.delta, code=codes, context=index))

    def read_images(self):
        """Return what the lattices show."""
        size = self.geometry.spec.image
        return self._read(Operation.READ_IMAGE, size * size).reshape(self._batch, size, size)

    def read_states(self):
        """Return the lattices."""
        spec = self.geometry.spec
        codes = self._read(Operation.READ_STATE, math.prod(spec.lattice))
        return from_stream(codes, spec, self._batch)

    def zero_cells(self, cells):
        """Set all channels of the chosen cells to 0."""
        cells = as_cells(cells, self.geometry.spec, self._batch)
        self._flush()
        for context, chosen in enumerate(cells):
            bits = np.packbits(chosen, bitorder="little")
            self._command(Operation.ZERO, context, data=bits)

    def stored_states(self):
        """Return the codes in the lattice memories, pending deltas aside; the chip must rest."""
        return np.stack([self._exchange(context) for context in range(self._batch)])

    def store_states(self, states):
        """Replace the codes in the lattice memories; a pending delta stays pending."""
        for context, state in enumerate(states):
            self._exchange(context, state)

    @contextmanager
    def trace(self, path):
        """Have the toggles of every net, once a clock, in a SAIF file when the block is through."""
        self._library.chip_trace(self._chip, str(path).encode())
        try:
            yield
        finally:
            self._library.chip_trace_end(self._chip)

    def _exchange(self, context, state=None):
        """Copy one lattice memory from ``state``, or return it: row by row, a byte a channel."""
        channels, height, width = self.geometry.spec.lattice
        lanes = self.geometry.lanes
        rows = np.zeros(channels * height * width // lanes, np.uint32)
        if state is not None:
            rows[:] = np.ascontiguousarray(np.moveaxis(state, 0, -1)).view(f"<u{lanes}").ravel()
        write = int(state is not None)
        if self._library.chip_lattice(self._chip, context, pointer(rows), rows.size, write):
            raise ValueError(f"The simulated chip has no lattice memory {context}")
        codes = rows.astype(f"<u{lanes}").view(np.int8).reshape(height, width, channels)
        return np.moveaxis(codes, -1, 0)

    def counters(self):
        """Return the engine's counters since the lattices were loaded."""
        now = self._counters()
        return Counters(*(a - b for a, b in zip(now, self._base, strict=True)))

    @property
    def simulated_clocks(self):
        """Clocks simulated since the chip was made."""
        return self._library.chip_counter(self._chip, 0)

    def think(self, clocks):
        """Let clocks pass in which the host works on a gate."""
        self._library.chip_think(self._chip, clocks)

    def account(self):
        """Return what all clocks so far went into: the wire is any stream of data or deltas."""
        counts = (ctypes.c_uint64 * 8)()
        self._library.chip_account(self._chip, counts)
        return account_of(list(counts))

    def _counters(self):
        return Counters(*(self._library.chip_counter(self._chip, which) for which in (1, 2)))

    def _load(self, operation, data, step):
        self._loads = [(operation, row) for row in data]
        self._batch, self._step = len(data), step
        self._base = self._counters()

    def _flush(self):
        """Load what no run has loaded."""
        loads, self._loads = self._loads, []
        for context, (operation, data) in enumerate(loads):
            self._command(operation, context, data=data)

    def _read(self, operation, size):
        self._flush()
        for context in range(self._batch):
            self._command(operation, context)
        self._clock(data=self._batch * size)
        return self._pop(Port.DATA_OUT, self._batch * size).astype(np.uint8)

    def _command(self, operation, context, *, data=None, steps=0, gate=None, step=0):
        if self.damaged >> self._index & 1:
            raise SkeletonDamaged("The simulated chip found this skeleton damaged")
        value = command_code(
            self.geometry,
            operation=operation,
            context=context,
            skeleton=self._index,
            steps=steps,
            gate=gate,
            step=step,
        )
        self._push(Port.COMMAND, words(value, word_count(self.geometry.command)))
        if data is not None:
            self._push(Port.DATA_IN, data)

    def _push(self, port, items):
        items = np.ascontiguousarray(items, np.uint32)
        self._library.chip_push(self._chip, port, pointer(items), items.size)

    def _pop(self, port, count):
        items = np.empty(count, np.uint32)
        self._library.chip_pop(self._chip, port, pointer(items), count)
        return items

    def _clock(self, data=FOREVER, plane=FOREVER):
        """Clock until outputs hold so much, in slices: signals are looked at in between."""
        while ended := self._library.chip_clock(self._chip, SLICE, self._limit, data, plane):
            if ended == STUCK:
                raise ToolError(
                    f"The simulated chip is stuck: nothing moves in {self._limit} clocks"
                )

    def _check(self):
        """Clock until the chip has checked its skeletons; return which are damaged, a bit each."""
        damaged = ctypes.c_uint32()
        if not self._library.chip_check(self._chip, self._limit, ctypes.byref(damaged)):
            raise ToolError(f"The simulated chip checks no skeleton within {self._limit} clocks")
        return damaged.value

    def _store(self, memories):
        for index, (name, layout) in enumerate(layouts(self.geometry).items()):
            count = word_count(layout)
            for row, value in enumerate(memories[name]):
                items = words(value, count)
                self._library.chip_store(self._chip, index, row, pointer(items))


def pointer(items):
    """Return a C pointer to uint32 items."""
    return items.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))


def load(path):
    """Load the library and declare its functions."""
    library = load_library(path)
    chip, items, integer = ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint32), ctypes.c_int
    wide = ctypes.c_uint64
    for name, result, arguments in (
        ("chip_new", chip, (ctypes.c_uint32, ctypes.c_uint32)),
        ("chip_delete", None, (chip,)),
        ("chip_store", integer, (chip, integer, integer, items)),
        ("chip_check", integer, (chip, wide, items)),
        ("chip_push", None, (chip, integer, items, integer)),
        ("chip_waiting", integer, (chip, integer)),
        ("chip_pop", None, (chip, integer, items, integer)),
        ("chip_clock", integer, (chip, wide, wide, integer, integer)),
        ("chip_think", None, (chip, wide)),
        ("chip_account", None, (chip, ctypes.POINTER(wide))),
        ("chip_counter", wide, (chip, integer)),
        ("chip_lattice", integer, (chip, integer, items, integer, integer)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    if hasattr(library, "chip_trace"):
        library.chip_trace.argtypes = (chip, ctypes.c_char_p)
        library.chip_trace_end.argtypes = (chip,)
    return library
