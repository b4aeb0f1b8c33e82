"""Serving the page on this machine, and writing it as a folder for any web server."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from golden.errors import InputError, reason
from golden.files import exists
from golden.skeleton import SHIPPED
from sw.play.assets import PAGE
from sw.play.bench import Bench
from sw.play.service import FILES, service

__all__ = ["serve", "write_site"]

HOST = "127.0.0.1"
CONNECTIONS = 64
QUIET = 10
"""Seconds after which a connection without a request is closed."""


def serve(port: int, ready: Callable[[str], None], device: str = "", bench: Bench | None = None) -> None:
    """Serve the page until a signal comes; ``ready`` takes its address. Port 0 is any free one."""
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(f"--port must be free: {port}: {reason(error)}") from None
    with listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            service(port, device, bench),
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=QUIET,
            timeout_graceful_shutdown=2,
        )
        ready(f"http://{HOST}:{port}/")
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            if bench is not None:
                bench.close()


def write_site(folder: Path) -> Path:
    """Write the page and the shipped skeletons into a new folder, for any web server."""
    if exists(folder):
        raise InputError(f"--output must name a folder that is not there yet, not {str(folder)!r}")
    try:
        shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("skeletons"))
        for path in sorted(SHIPPED.glob("*/*")):
            name = path.relative_to(SHIPPED)
            if FILES.fullmatch(name.as_posix()):
                (folder / "skeletons" / name.parent).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / "skeletons" / name)
    except OSError as error:
        raise InputError(f"{folder} must be writable: {reason(error)}") from error
    return folder
