"""The check that Python finds our packages, made before any of them is loaded.

Their names are short, so a folder in PYTHONPATH may have other packages of the same name.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["foreign"]


def foreign(root: Path = Path(__file__).parents[2]) -> str | None:
    """Return an error if a package of ours would not be loaded from ``root``; else None."""
    for name in ("golden", "hw", "sim"):
        found = find_spec(name)
        places = list(found.submodule_search_locations or ()) if found else []
        if not any(Path(place).parent.samefile(root) for place in places):
            where = places[0] if places else found and found.origin
            return f"the package {name!r} must be {root / name}, not {where}: see PYTHONPATH"
    return None


if (text := foreign()) is not None:
    print(f"thalweg: {text}", file=sys.stderr)
    sys.exit(2)
