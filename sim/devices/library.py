"""A simulator's library: its functions with their types, and the object that they act on."""

import ctypes
from collections.abc import Iterable
from typing import Any

import numpy as np

from sim.devices.packing import words

__all__ = ["HANDLE", "INTEGER", "WIDE", "WORDS", "Function", "Handle", "declare", "pointer"]

HANDLE, INTEGER, WIDE = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64
WORDS = ctypes.POINTER(ctypes.c_uint32)

Function = tuple[str, Any, tuple[Any, ...]]
"""Name, type of the result, types of the arguments."""


def declare(library: ctypes.CDLL, functions: Iterable[Function]) -> ctypes.CDLL:
    """Tell ctypes the types of a library's functions; return the library."""
    for name, result, arguments in functions:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def pointer(items: np.ndarray) -> Any:
    """Return a C pointer to uint32 items."""
    return items.ctypes.data_as(WORDS)


class Handle:
    """An object that a library has made; it is deleted when nothing refers to it any longer.

    Parameters
    ----------
    library : CDLL
        The library, its functions declared.
    kind : str
        What the object is: the names of its functions begin with it.
    given
        Arguments of its making.
    """

    _object: Any = None

    def __init__(self, library: ctypes.CDLL, kind: str, *given: Any) -> None:
        self.library = library
        self.kind = kind
        self._object = getattr(library, f"{kind}_new")(*given)

    def __del__(self) -> None:
        if self._object:
            self.call("delete")
            self._object = None

    def call(self, name: str, *given: Any) -> Any:
        """Call a function of the object; its name goes without the kind."""
        return getattr(self.library, f"{self.kind}_{name}")(self._object, *given)

    def store(self, memory: int, count: int, rows: Iterable[int]) -> None:
        """Replace what a memory holds, by its number; a row is ``count`` words of 32 bits."""
        for row, value in enumerate(rows):
            if self.call("store", memory, row, pointer(words(value, count))):
                raise ValueError(f"The {self.kind} has no memory {memory}")
