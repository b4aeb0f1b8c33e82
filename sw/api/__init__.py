"""Thalweg from Python: load a skeleton, restore arrays, see every step, train your own.

These names stay as they are; the packages beneath, `golden`, `sw`, `hw` and `sim`, may change.
"""

from golden.errors import Difference, InputError
from sw.api.damage import blank
from sw.api.restorer import Restorer, load
from sw.api.training import train
from sw.data.load import show_digits

__all__ = ["Difference", "InputError", "Restorer", "blank", "load", "show_digits", "train"]
