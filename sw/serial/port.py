"""A serial port: bytes to a board and back, one line where it fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import serial

from golden.errors import InputError, reason
from golden.wire import BAUD, BITS_A_BYTE, RESPONSE

__all__ = ["SerialPort"]

SILENCE = 2.0
"""Seconds without a byte after which an answer is not waited for any longer."""


class SerialPort:
    """A serial port, opened for us alone, its latency low where the system lets it be."""

    def __init__(self, path: str, baud: int = BAUD) -> None:
        self.name = path
        try:
            self._port = serial.Serial(path, baud, timeout=SILENCE, exclusive=True)
            with suppress(AttributeError, OSError, ValueError, NotImplementedError):
                self._port.set_low_latency_mode(True)
            self._port.reset_input_buffer()
        except Exception as error:  # pyserial passes on what each system raises
            raise InputError(
                f"{path} must be a free serial port at {baud} baud: {why(error)}"
            ) from None
        self._seconds = BITS_A_BYTE / baud
        self._patience = 0.0

    def write(self, data: bytes) -> None:
        """Send bytes; an answer may take until they and the longest answer are through."""
        with self._one_line():
            self._port.write(data)
        travel = (len(data) + 2 * RESPONSE) * self._seconds
        self._patience = time.monotonic() + 2 * SILENCE + travel

    def read(self) -> bytes:
        """Wait for bytes; none if none came in time, or an answer must have been there by now."""
        if time.monotonic() > self._patience:
            return b""
        with self._one_line():
            return bytes(self._port.read(max(1, self._port.in_waiting)))

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Turn what a port raises that has gone into one line."""
        try:
            yield
        except Exception as error:  # pyserial passes on what each system raises
            raise InputError(f"{self.name} went away: {why(error)}") from None

    def close(self) -> None:
        """Give the port back."""
        with suppress(Exception):
            self._port.close()


def why(error: Exception) -> str:
    """Return what a port raised, in the system's words where there is a number for it."""
    number = getattr(error, "errno", None) or next(iter(error.args), None)
    return os.strerror(number).lower() if isinstance(number, int) else reason(error)
