"""A serial port: it is given up where no chip is behind it, and named where it goes away."""

import os
import threading
import time
import tty

import pytest
import serial

from golden.errors import InputError
from sw.serial.device import ChipDevice, open_serial
from sw.serial.link import LinkError
from sw.serial.port import SerialPort
from tests.device_suite import skeletons


class Terminal:
    """A pseudo-terminal's two ends; the other end is played by the test."""

    def __init__(self):
        self.ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.name = os.ttyname(theirs)
        os.close(theirs)


def test_a_port_that_babbles_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr("sw.serial.port.SILENCE", 0.2)
    terminal, ends = Terminal(), []
    port = SerialPort(terminal.name)

    def babble():
        while not ends:
            os.write(terminal.ours, b"T=21.5\r\n")
            time.sleep(0.05)

    thread = threading.Thread(target=babble)
    thread.start()
    begin = time.monotonic()
    try:
        with pytest.raises(LinkError, match="sends bytes that are no answer: is it a Thalweg"):
            ChipDevice(port, skeletons())
    finally:
        ends.append(True)
        thread.join()
    assert time.monotonic() - begin < 10
    os.close(terminal.ours)


def test_a_port_that_goes_away_is_one_line(monkeypatch):
    terminal = Terminal()
    port = SerialPort(terminal.name)
    os.close(terminal.ours)
    for use in (lambda: port.write(b"x"), lambda: port.read()):
        port._patience = time.monotonic() + 9
        with pytest.raises(InputError, match=rf"^{terminal.name} went away: [^\n]+$"):
            use()
    port.close()


def test_a_port_that_goes_away_while_it_is_opened_is_one_line(monkeypatch):
    terminal, opened = Terminal(), serial.Serial.open

    def unplugged(port):
        opened(port)
        os.close(terminal.ours)

    monkeypatch.setattr(serial.Serial, "open", unplugged)
    text = rf"^{terminal.name} must be a free serial port at 3000000 baud: [^\n]+$"
    with pytest.raises(InputError, match=text):
        SerialPort(terminal.name)


def test_unknown_port_is_one_line():
    text = r"^/dev/none must be a free serial port at 3000000 baud: no such file or directory$"
    with pytest.raises(InputError, match=text):
        open_serial("/dev/none", skeletons())
