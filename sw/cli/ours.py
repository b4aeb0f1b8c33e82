"""Whether Python finds our packages: looked at once, before any of them is loaded.

Their names are short, and a folder that PYTHONPATH names may have others under the same.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["foreign"]


def foreign(root: Path = Path(__file__).parents[2]) -> str | None:
    """Return what is wrong where a package of ours would not come from ``root``; else None."""
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
