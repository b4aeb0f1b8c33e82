"""The user's folder of cached files."""

from __future__ import annotations

from pathlib import Path

from golden.errors import InputError

__all__ = ["cache_folder"]


def cache_folder(name: str) -> Path:
    """Return the folder of that name among cached files; XDG_CACHE_HOME moves it.

    A user without a home has none: `InputError`.
    """
    import pooch  # a request library comes with it, which most runs do not need

    try:
        return Path(pooch.os_cache("thalweg")) / name
    except (RuntimeError, OSError, KeyError) as error:
        raise InputError(
            "there is no folder for cached files: HOME or XDG_CACHE_HOME must name one"
        ) from error
