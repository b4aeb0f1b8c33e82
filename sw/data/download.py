"""Download of MNIST: four files with known checksums, from several mirrors into a cache."""

from __future__ import annotations

import logging
from pathlib import Path

import pooch

from golden.cache import cache_folder
from golden.errors import InputError, reason
from golden.files import is_file, reading

__all__ = ["CHECKSUMS", "MIRRORS", "Unreachable", "cached_folder", "download"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
CHECKSUMS = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""SHA-256 of each gzipped file."""


class Unreachable(Exception):
    """No mirror answered, or the cache cannot be written."""


def cache() -> Path:
    """Return the user's folder of cached files; XDG_CACHE_HOME moves it."""
    return cache_folder("mnist")


def cached_folder() -> Path | None:
    """Return the folder of the cached files, None unless all exist; raise if one is damaged."""
    try:
        folder = cache()
        if not all(is_file(folder / f"{stem}.gz") for stem in CHECKSUMS):
            return None
    except InputError:  # without a home folder that can be read, there is no cache
        return None
    for stem, checksum in CHECKSUMS.items():
        path = folder / f"{stem}.gz"
        with reading(path, "a file of the cache"):
            found = pooch.file_hash(str(path))
        if found != checksum:
            raise InputError(
                f"{path} must have the SHA-256 {checksum[:12]}…, not {found[:12]}…: "
                "delete it, and it is downloaded again"
            )
    return folder


def download() -> Path:
    """Download files that the cache lacks; return its folder, or raise `Unreachable`."""
    pooch.get_logger().setLevel(logging.ERROR)
    try:
        cache().mkdir(parents=True, exist_ok=True)
    except (InputError, OSError) as error:
        raise Unreachable(f"it cannot be kept: {reason(error)}") from error
    for stem, checksum in CHECKSUMS.items():
        fetch(f"{stem}.gz", checksum)
    return cache()


def fetch(name: str, checksum: str) -> None:
    """Download one file from the first mirror that has it, whole or not at all."""
    wrong = None
    for mirror in MIRRORS:
        try:
            downloader = pooch.HTTPDownloader(progressbar=Progress(name), timeout=20)
            pooch.retrieve(
                mirror + name, f"sha256:{checksum}", name, cache(), downloader=downloader
            )
        except ValueError:  # pooch raises it for a wrong checksum
            wrong = mirror + name
        except OSError:  # errors of requests are OSErrors
            continue
        else:
            return
    if wrong is not None:
        raise InputError(f"{wrong} must have the SHA-256 {checksum[:12]}…, but arrived different")
    raise Unreachable("no mirror of it answers")


class Progress:
    """A progress bar of rich with the interface that pooch needs."""

    total: int = 0

    def __init__(self, name: str) -> None:
        from rich.progress import Progress as Bar

        from sw.runs.terminal import console

        screen = console(stderr=True)
        self.bar = Bar(console=screen, transient=True, disable=not screen.is_terminal)
        self.task = self.bar.add_task(f"downloading {name}", total=None)
        self.bar.start()

    def update(self, count: int) -> None:
        """Advance by ``count`` bytes."""
        self.bar.update(self.task, total=self.total, advance=count)

    def reset(self) -> None:
        """Start from 0; pooch does this once at the end."""
        self.bar.reset(self.task)

    def close(self) -> None:
        """Remove the bar."""
        self.bar.stop()
