# amaranth: UnusedElaboratable=no
"""The USB device against LUNA's own host: it is found, and a real chip behind it is served."""

import numpy as np
from amaranth import DomainRenamer, Elaboratable, Module
from luna.gateware.test.usb2 import USBDeviceTest
from luna.gateware.test.utils import usb_domain_test_case
from luna.gateware.usb.usb2 import USBPacketID

from golden.device import GoldenDevice, run
from golden.frames import frame, parse
from golden.samples import calibrated
from golden.spec import Spec
from golden.wire import (
    COMMAND,
    REPLY,
    VERSION,
    ChipFacts,
    Command,
    Kind,
    Operation,
    Tag,
    chunk,
)
from hw.link.usb import PACKET, PRODUCT, VENDOR, UsbSerial
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry

SPEC = Spec(height=4, width=4, image=4, channels=4, multiplier=1)
SKELETON = calibrated(SPEC, np.random.default_rng(9))
DATA, ADDRESS = 4, 0x3A
STEPS = 2
DEVICE, CONFIGURATION, STRING = 1, 2, 3
LINE_J = 1
TOGGLES = (USBPacketID.DATA0, USBPacketID.DATA1)


class Linked(Elaboratable):
    """A chip behind its link behind a USB device on a bus."""

    def __init__(self, bus):
        self.bus = bus

    def elaborate(self, platform):
        m = Module()
        linked = LinkedChip(Geometry(spec=SPEC, filters=1, skeletons=1), (SKELETON,))
        m.submodules.linked = DomainRenamer({"sync": "usb", "link": "usb"})(linked)
        m.submodules.serial = serial = UsbSerial(self.bus)
        m.d.comb += [
            linked.i.valid.eq(serial.rx.valid),
            linked.i.p.data.eq(serial.rx.payload),
            serial.rx.ready.eq(linked.i.ready),
            serial.tx.valid.eq(linked.o.valid),
            serial.tx.payload.eq(linked.o.payload),
            linked.o.ready.eq(serial.tx.ready),
        ]
        return m


class Harness(USBDeviceTest):
    """LUNA's host, on a device of ours."""

    __test__ = False
    FRAGMENT_UNDER_TEST = Linked
    MAX_NAKS = 2000

    def runTest(self):
        """Do nothing: `play` runs what it is given."""

    def initialize_signals(self):
        """Let the bus rest: at SE0 it would be reset."""
        yield self.utmi.line_state.eq(LINE_J)

    def play(self, bench):
        """Run a bench, which takes this harness, in the device's domain."""
        self.setUp()
        usb_domain_test_case(bench)(self)

    def enumerate_device(self):
        """Find the device, give it an address and choose its configuration."""
        yield from self.set_address(ADDRESS)
        yield from self.set_configuration(1)
        self.toggles = {"in": 0, "out": 0}

    def write(self, data):
        """Send bytes as a serial port's driver does."""
        for begin in range(0, len(data), PACKET):
            handshake = USBPacketID.NAK
            while handshake == USBPacketID.NAK:
                handshake = yield from self.out_transaction(
                    *data[begin : begin + PACKET],
                    endpoint=DATA,
                    data_pid=TOGGLES[self.toggles["out"]],
                )
            assert handshake == USBPacketID.ACK
            self.toggles["out"] ^= 1

    def read_frame(self):
        """Return the bytes up to the end of a frame."""
        found = b""
        for _ in range(self.MAX_NAKS):
            pid, data = yield from self.in_transaction(endpoint=DATA)
            if pid != USBPacketID.NAK:
                assert pid == TOGGLES[self.toggles["in"]]
                self.toggles["in"] ^= 1
                found += bytes(data)
                if found.endswith(b"\0"):
                    return found
        raise AssertionError("no answer")

    def ask(self, kind, number, payload=b""):
        """Return the payload of the answer to a request."""
        yield from self.write(frame(kind, number, payload))
        answer = yield from self.read_frame()
        message = parse(answer[:-1])
        assert message[:2] == (kind | REPLY, number)
        return message.payload


def test_a_host_finds_a_serial_port():
    def bench(host):
        _, device = yield from host.get_descriptor(DEVICE, length=18)
        vendor, product = (int.from_bytes(bytes(device[at : at + 2]), "little") for at in (8, 10))
        assert (device[:2], vendor, product) == ([18, DEVICE], VENDOR, PRODUCT)
        _, configuration = yield from host.get_descriptor(CONFIGURATION, length=9)
        assert configuration[4] == 2, "a notice interface and a data interface"
        _, text = yield from host.get_descriptor(STRING, index=2)
        assert bytes(text[2:]).decode("utf-16-le") == "Thalweg chip"
        yield from host.enumerate_device()
        handshake, chosen = yield from host.get_configuration()
        assert (handshake, chosen) == (USBPacketID.ACK, [1])

    Harness().play(bench)


def test_a_chip_behind_a_port_says_what_it_is_and_restores_as_golden_does():
    image = np.random.default_rng(5).integers(0, 256, (1, 4, 4), np.uint8)
    golden = GoldenDevice((SKELETON,))
    golden.load_images(image)
    run(golden, None, STEPS)
    wanted = golden.read_images()[0]

    def command(operation, **values):
        body = Command(operation=operation, context=0, skeleton=0, **values).to_bytes()
        return chunk(Tag.COMMAND, COMMAND.size, body)

    def bench(host):
        yield from host.enumerate_device()
        answer = yield from host.ask(Kind.IDENTIFY, 7, bytes([VERSION, VERSION]))
        facts = ChipFacts.from_bytes(answer[1:])
        assert (answer[0], facts.spec) == (0, SPEC.ungated)
        assert facts.digests == (SKELETON.digest,)
        assert (yield from host.ask(Kind.RESET, 8)) == b"\0"
        pixels = image.tobytes()
        asked = command(Operation.LOAD_IMAGE) + chunk(Tag.DATA, len(pixels), pixels)
        asked += command(Operation.RUN, steps=STEPS) + command(Operation.READ_IMAGE)
        answer = yield from host.ask(Kind.EXCHANGE, 9, asked + chunk(Tag.FETCH, wanted.size))
        assert answer == bytes([0, *wanted.ravel().tolist(), 0])

    Harness().play(bench)
