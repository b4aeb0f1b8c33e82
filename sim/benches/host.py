"""The host's side of the generated chip in cocotb: commands, bytes, planes and deltas."""

import math
from collections.abc import Iterable
from typing import Any, NoReturn

import cocotb
import numpy as np

from golden.device import Network, from_stream, to_stream
from golden.spec import Gate
from golden.wire import Operation
from hw.shapes import Geometry
from sim.benches.streams import Dut, Sink, Source, require, rests
from sim.devices.packing import command_code, pack, unpack

__all__ = ["Host"]


class Host:
    """Drive a chip as a host would; only top-level ports are touched.

    Parameters
    ----------
    dut : cocotb handle
        The chip.
    geometry : Geometry
        Its build.
    stall : int
        Most clocks that a stream rests between two payloads.
    """

    def __init__(self, dut: Dut, geometry: Geometry, stall: int = 0) -> None:
        self.geometry = geometry
        gap = rests(stall)
        self.command = Source(dut, "i_command", gap)
        self.data_in = Source(dut, "i_data", gap)
        self.data_out = Sink(dut, "o_data", gap)
        self.plane = Sink(dut, "o_plane", gap)
        self.delta = Source(dut, "i_delta", gap)
        self.openings = 0

    async def issue(self, operation: Operation, contexts: Iterable[int], **values: Any) -> None:
        """Give every context one command."""
        for context in contexts:
            await self.command.put(
                command_code(self.geometry, operation=operation, context=context, **values)
            )

    async def load(self, operation: Operation, rows: np.ndarray, **values: Any) -> None:
        """Load context after context with bytes."""
        task = cocotb.start_soon(self.issue(operation, range(len(rows)), **values))
        await self.data_in.put(*np.ascontiguousarray(rows).view(np.uint8).ravel().tolist())
        await task

    async def load_states(self, states: np.ndarray) -> None:
        """Load raw lattices."""
        await self.load(Operation.LOAD_STATE, to_stream(states))

    async def load_images(self, images: np.ndarray, skeleton: int) -> None:
        """Encode images."""
        await self.load(Operation.LOAD_IMAGE, images.reshape(len(images), -1), skeleton=skeleton)

    async def zero(self, cells: np.ndarray) -> None:
        """Zero the chosen cells, bool (B, cells)."""
        await self.load(Operation.ZERO, np.packbits(cells, axis=-1, bitorder="little"))

    async def read(self, operation: Operation, count: int, size: int, **values: Any) -> np.ndarray:
        """Read `size` bytes from each of so many contexts, in order."""
        task = cocotb.start_soon(self.issue(operation, range(count), **values))
        codes = await self.data_out.get(count * size)
        await task
        return np.array(codes, np.uint8).reshape(count, size)

    async def read_states(self, count: int) -> np.ndarray:
        """Read raw lattices, once their runs have ended."""
        spec = self.geometry.spec
        codes = await self.read(Operation.READ_STATE, count, math.prod(spec.lattice))
        return from_stream(codes, spec, count)

    async def read_images(self, count: int, skeleton: int) -> np.ndarray:
        """Read what the lattices show."""
        size = self.geometry.spec.image
        codes = await self.read(Operation.READ_IMAGE, count, size * size, skeleton=skeleton)
        return codes.reshape(count, size, size)

    async def run(
        self, count: int, steps: int, *, skeleton: int, gate: Gate | None, step: int
    ) -> None:
        """Start a run in so many contexts; reads wait for it by themselves."""
        await self.issue(
            Operation.RUN, range(count), skeleton=skeleton, steps=steps, gate=gate, step=step
        )

    async def serve(self, network: Network | None) -> NoReturn:
        """Answer every opening with the network's delta, for ever."""
        layout, delta = self.geometry.plane, self.geometry.delta
        while True:
            entries = await self.plane.get(self.geometry.spec.cells)
            contexts = {unpack(layout, "context", entry) for entry in entries}
            lasts = [unpack(layout, "last", entry) for entry in entries]
            require(len(contexts) == 1, f"a plane mixes the contexts {contexts}")
            require(lasts == [0] * (len(entries) - 1) + [1], "`last` marks another code")
            if network is None:
                raise AssertionError("there is an opening, and no network to answer it")
            (context,) = contexts
            found = [unpack(layout, "code", entry) for entry in entries]
            plane = np.array(found, np.uint8).view(np.int8)
            codes = network.deltas(plane[None])[0].tolist()
            await self.delta.put(*(pack(delta, code=code, context=context) for code in codes))
            self.openings += 1
