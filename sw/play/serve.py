"""Serving the page on this machine, and writing it as a folder for any web server."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from uvicorn import Config, Server

from golden.errors import InputError, reason
from golden.files import exists
from golden.skeleton import SHIPPED
from sw.play import PAGE
from sw.play.bench import Bench
from sw.play.service import FILES, service

__all__ = ["listen", "serve", "server_of", "write_site"]

HOST = "127.0.0.1"
CONNECTIONS = 64
QUIET = 10
"""Seconds after which a connection without a request is closed."""


def listen(port: int) -> socket.socket:
    """Return a socket that listens on a port of this machine alone; port 0 is any free one."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(f"--port must be free: {port}: {os.strerror(error.errno or 0)}") from None


def server_of(listener: socket.socket, device: str = "", bench: Bench | None = None) -> Server:
    """Return the server of a socket; without a bench it serves the files alone."""
    config = Config(
        service(listener.getsockname()[1], device, bench),
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
    return Server(config)


def serve(port: int, ready: Callable[[str], None], device: str, bench: Bench | None) -> None:
    """Serve the page until a signal comes; ``ready`` takes its address."""
    with listen(port) as listener:
        server = server_of(listener, device, bench)
        ready(f"http://{HOST}:{listener.getsockname()[1]}/")
        try:
            server.run(sockets=[listener])
        finally:
            if bench is not None:
                bench.close()


def write_site(folder: Path) -> Path:
    """Write the page and the shipped skeletons into a new folder, for any web server."""
    if exists(folder):
        raise InputError(f"--output must name a folder that is not there yet, not {str(folder)!r}")
    part = folder.with_name(f".{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        try:
            shutil.copytree(PAGE, part, ignore=shutil.ignore_patterns("skeletons"))
            for path in sorted(SHIPPED.glob("*/*")):
                name = path.relative_to(SHIPPED)
                if FILES.fullmatch(name.as_posix()):
                    (part / "skeletons" / name.parent).mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, part / "skeletons" / name)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{folder} must be writable: {reason(error)}") from error
    return folder
