"""Pictures of any size, laid out as the images that a skeleton was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from golden.errors import InputError
from golden.files import is_file, read_json
from golden.skeleton import PROVENANCE_FILE, find
from sw.data.fit import Fitted, Layout, fit
from sw.data.pictures import read_picture

__all__ = ["Fit", "fit_for"]


class Fit(NamedTuple):
    """How pictures are made images."""

    size: int
    """Pixels of an image's side."""
    layout: Layout
    light: bool | None = None
    """Whether the paper is lighter than the ink; None lets each picture tell."""

    def read(self, raw: bytes, place: Path | str) -> tuple[Fitted, tuple[str, ...]]:
        """Read a picture and fit it; return also what was done to it before, in words."""
        grey, notes = read_picture(raw, place)
        found = fit(grey, self.size, self.layout, light=self.light, place=place)
        return found, notes


def fit_for(subject: str, size: int, invert: bool) -> Fit:
    """Return how pictures are laid out for a skeleton, by name or folder: as its data set is.

    Its provenance.json says how; where it does not, the data set is MNIST. With ``invert``, the
    paper is light in any case.
    """
    path = find(subject) / PROVENANCE_FILE
    layout = Layout.usual(size)
    if is_file(path):
        data = read_json(path).get("data", {})
        if "layout" in data:
            try:
                layout = Layout.from_json(data["layout"])
            except (KeyError, TypeError, ValueError) as error:
                wanted = "box, centre and middle in data.layout"
                raise InputError(f"{path} must have {wanted}") from error
    return Fit(size, layout, True if invert else None)
