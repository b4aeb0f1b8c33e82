"""Restore an image on the project and compare all that it answers with ``vectors.json``.

The vectors were computed by the reference model of Thalweg, which the chip must equal in every bit.
"""

import json
import zlib
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text())
PUT, GET = 0, 1
TAKEN, VALID, GONE = 4, 5, 6
PATIENCE = 20_000
"""Clocks that the chip may take for anything."""


class Host:
    """Speak to the project byte by byte, with the handshakes of its bidirectional pins."""

    def __init__(self, dut):
        self.dut = dut
        self.pins = 0

    async def reset(self):
        """Reset the project, and start its clock."""
        Clock(self.dut.clk, 20, unit="ns").start()
        self.dut.ena.value, self.dut.ui_in.value, self.dut.uio_in.value = 1, 0, 0
        self.dut.rst_n.value = 0
        await self.clocks(VECTORS["reset"])
        self.dut.rst_n.value = 1

    async def clocks(self, count):
        """Let clocks pass."""
        for _ in range(count):
            await FallingEdge(self.dut.clk)

    async def set(self, pin, value):
        """Drive a pin, and wait until its answer follows."""
        self.pins = self.pins & ~(1 << pin) | value << pin
        self.dut.uio_in.value = self.pins
        await self.wait({PUT: TAKEN, GET: GONE}[pin], value)

    async def wait(self, pin, value):
        """Wait until a pin has a value."""
        for _ in range(PATIENCE):
            if int(self.dut.uio_out.value) >> pin & 1 == value:
                return
            await self.clocks(1)
        raise AssertionError(f"uio[{pin}] stayed {1 - value} for {PATIENCE} clocks")

    async def send(self, data):
        """Send bytes."""
        for byte in data:
            self.dut.ui_in.value = byte
            await self.set(PUT, 1)
            await self.set(PUT, 0)

    async def receive(self):
        """Return the payload of the next frame; raise unless its CRC is right."""
        coded = bytearray()
        while True:
            await self.wait(VALID, 1)
            byte = int(self.dut.uo_out.value)
            await self.set(GET, 1)
            await self.set(GET, 0)
            if byte:
                coded.append(byte)
            elif coded:
                return contents(bytes(coded))

    async def ask(self, frame):
        """Send a request, and return what the response says."""
        await self.send(bytes.fromhex(frame))
        return await self.receive()


def require(condition, text):
    """Raise with a text unless a condition holds."""
    if not condition:
        raise AssertionError(text)


def contents(coded):
    """Return the payload of a frame: Consistent Overhead Byte Stuffing, kind, number, CRC-32."""
    data = bytearray()
    while coded:
        code = coded[0]
        data += coded[1:code]
        coded = coded[code:]
        if code < 255 and coded:
            data.append(0)
    body, check = bytes(data[:-4]), int.from_bytes(data[-4:], "little")
    require(zlib.crc32(body) == check, "the CRC of a response must be right")
    return body[2:].hex()


@cocotb.test()
async def restores_an_image(dut):
    """Load an image, run, read image and lattice: every byte equals the reference."""
    host = Host(dut)
    await host.reset()
    require(int(dut.uio_oe.value) == 0xF0, "four bidirectional pins must be outputs")
    for number, (frame, answer) in enumerate(VECTORS["exchanges"]):
        got = await host.ask(frame)
        require(got == answer, f"exchange {number}: {got}, not {answer}")
