"""USB: a full-speed device that a host sees as a serial port (CDC-ACM), made of LUNA's parts.

Domain ``usb_io`` runs at 48 MHz and samples the wires, domain ``usb`` at 12 MHz, one clock a bit;
both come from one PLL.
"""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from luna.gateware.usb.devices.acm import ACMRequestHandlers, USBSerialDevice
from luna.gateware.usb.request.standard import USBRequestType
from luna.gateware.usb.usb2.device import USBDevice
from luna.gateware.usb.usb2.endpoints.stream import USBStreamInEndpoint, USBStreamOutEndpoint
from luna.gateware.usb.usb2.request import StallOnlyRequestHandler

from hw.link.queue import Queue
from hw.link.uart import received_shape

__all__ = ["PACKET", "PRODUCT", "VENDOR", "UsbPort", "UsbSerial"]

VENDOR, PRODUCT = 0x1209, 0x0001
"""Numbers of pid.codes for devices under test: whoever sells boards needs numbers of their own."""

PACKET = 64
"""Most bytes of a packet."""

DEPTH = 16
"""Rows of each queue between link and device."""

DELIMITER = 0
"""The byte that ends a frame; no other byte of a frame is 0."""


class Restarted:
    """An endpoint that begins anew, its data toggle too, whenever `restart` is high."""

    def __init__(self, number: int, restart: Signal):
        super().__init__(endpoint_number=number, max_packet_size=PACKET)
        self.restart = restart

    def elaborate(self, platform):
        return ResetInserter({"usb": self.restart})(super().elaborate(platform))


# LUNA names the modules of endpoints after their classes.
class NoticeEndpoint(Restarted, USBStreamInEndpoint):
    """Tells a host of changes of the serial port: there are none."""


class ToHostEndpoint(Restarted, USBStreamInEndpoint):
    """Sends bytes to the host."""


class FromHostEndpoint(Restarted, USBStreamOutEndpoint):
    """Receives bytes from the host."""


class UsbSerial(USBSerialDevice):
    """Be a serial port on a bus, in domain ``usb``.

    As LUNA has it, but a reset of the bus or a choice of a configuration empties the endpoints and
    takes their data toggles back to DATA0, as USB 2.0 wants it in 9.1.1.5 and 9.4.5; and a packet
    ends with a frame.

    Parameters
    ----------
    bus
        A UTMI bus, a ULPI bus, or the pads of the two wires: see LUNA.

    Attributes
    ----------
    rx, tx : StreamInterface
        Bytes from the host, and to it.
    """

    def __init__(self, bus):
        super().__init__(
            bus=bus,
            idVendor=VENDOR,
            idProduct=PRODUCT,
            manufacturer_string="Thalweg",
            product_string="Thalweg chip",
            max_packet_size=PACKET,
        )

    def elaborate(self, platform):
        m = Module()

        m.submodules.device = device = USBDevice(bus=self._bus)
        control = device.add_standard_control_endpoint(self.create_descriptors())
        control.add_request_handler(ACMRequestHandlers())
        control.add_request_handler(StallOnlyRequestHandler(is_unknown))
        restart = Signal()
        from_host = FromHostEndpoint(self._DATA_ENDPOINT_NUMBER, restart)
        to_host = ToHostEndpoint(self._DATA_ENDPOINT_NUMBER, restart)
        device.add_endpoint(NoticeEndpoint(self._STATUS_ENDPOINT_NUMBER, restart))
        device.add_endpoint(from_host)
        device.add_endpoint(to_host)
        m.d.comb += [
            device.connect.eq(1),
            restart.eq(device.reset_detected | control.interface.config_changed),
            self.rx.stream_eq(from_host.stream),
            to_host.stream.stream_eq(self.tx, omit="last"),
            to_host.stream.last.eq(self.tx.payload == DELIMITER),
        ]

        return m


def is_unknown(setup) -> Value:
    """Return whether a control request is of a kind that nothing here knows."""
    return (setup.type == USBRequestType.VENDOR) | (setup.type == USBRequestType.RESERVED)


class UsbPort(wiring.Component):
    """Carry a link's bytes over the two wires of a full-speed USB port.

    The link runs in domain ``link``. Resets of the three domains must overlap.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes to the host.
    o : Out(stream)
        Bytes from the host, as of `hw.link.uart.UartReceiver`; a packet that is not whole is left
        to the host to repeat, so there is no noise.
    dp_i, dn_i : In(1)
        Levels of D+ and D-.
    dp_o, dn_o : Out(1)
        Levels to drive.
    driven : Out(1)
        Whether to drive them.
    pulled : Out(1)
        Whether D+ is pulled up, which tells a host that there is a device.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(8)),
            "o": Out(stream.Signature(received_shape())),
            "dp_i": In(1, init=1),
            "dn_i": In(1),
            "dp_o": Out(1),
            "dn_o": Out(1),
            "driven": Out(1),
            "pulled": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        pads = pad_signature().create()
        m.submodules.serial = serial = UsbSerial(pads)
        m.submodules.received = received = queue("usb", "link")
        m.submodules.sent = sent = queue("link", "usb")
        connect(m, flipped(self.i), sent.i)
        m.d.comb += [
            serial.tx.valid.eq(sent.o.valid),
            serial.tx.payload.eq(sent.o.payload),
            sent.o.ready.eq(serial.tx.ready),
            received.i.valid.eq(serial.rx.valid),
            received.i.payload.eq(serial.rx.payload),
            serial.rx.ready.eq(received.i.ready),
            self.o.valid.eq(received.o.valid),
            self.o.p.data.eq(received.o.payload),
            received.o.ready.eq(self.o.ready),
            pads.d_p.i.eq(self.dp_i),
            pads.d_n.i.eq(self.dn_i),
            self.dp_o.eq(pads.d_p.o),
            self.dn_o.eq(pads.d_n.o),
            self.driven.eq(pads.d_p.oe),
            self.pulled.eq(pads.pullup.o),
        ]

        return m


def queue(source: str, target: str) -> Elaboratable:
    """Return a queue of bytes from one domain to another."""
    return DomainRenamer({"source": source, "target": target})(Queue(8, DEPTH))


def pad_signature() -> wiring.Signature:
    """Return the signature of the pads, by the names that LUNA knows."""
    wire = wiring.Signature({"i": In(1), "o": Out(1), "oe": Out(1)})
    return wiring.Signature({
        "d_p": Out(wire),
        "d_n": Out(wire),
        "pullup": Out(wiring.Signature({"o": Out(1)})),
    })
