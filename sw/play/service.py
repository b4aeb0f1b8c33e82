"""The local service: the page's files, and a device's answers to it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from golden.errors import InputError, reason
from golden.files import parse_json
from golden.gate import GateNetwork
from golden.skeleton import GATE_FILE, SHIPPED, Skeleton
from sw.play import PAGE
from sw.play.bench import Bench, NoSession
from sw.play.guard import Guard, TooLarge, read_body

__all__ = ["FILES", "service"]

FILES = re.compile(r"[a-z0-9-]+/(skeleton\.json|gate[a-z0-9-]*\.safetensors)")
"""Files of the shipped skeletons that the page reads."""

LARGEST_SKELETON = 1 << 20
LARGEST_BEGIN = LARGEST_SKELETON + (2 << 20)
"""Bytes of a skeleton and a gate."""

LARGEST_LATTICE = 16 * 256 * 256

MARK = '<meta name="thalweg-device" content="">'
"""What the page learns from that there is a device: the service fills in its name."""

Handler = Callable[[Request], Awaitable[Response]]


def service(port: int, device: str = "", bench: Bench | None = None) -> Starlette:
    """Return the application for a port; without a bench it serves the files alone.

    ``device`` is the device's name, for the page to show.
    """
    routes = [
        Route("/", index(device)),
        Route("/index.html", index(device)),
        Route("/skeletons/{path:path}", skeleton_file),
    ]
    if bench is not None:
        routes += device_routes(bench)
    return Starlette(
        routes=[*routes, Mount("/", StaticFiles(directory=PAGE))],
        middleware=[Middleware(Guard, port=port)],
        exception_handlers={HTTPException: explain},
    )


def index(device: str) -> Handler:
    """Return the handler of the page itself, with the device's name in it."""
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    name = device.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    page = text.replace(MARK, MARK.replace('""', f'"{name}"'))

    async def handle(request: Request) -> Response:
        return HTMLResponse(page)

    return handle


async def skeleton_file(request: Request) -> Response:
    """Answer with a file of a shipped skeleton."""
    path = request.path_params["path"]
    if not FILES.fullmatch(path) or not (SHIPPED / path).is_file():
        raise HTTPException(404)
    return FileResponse(SHIPPED / path)


async def explain(request: Request, error: Any) -> Response:
    """Answer with a refusal in one line; the error is an HTTPException."""
    return JSONResponse({"error": error.detail}, error.status_code)


def device_routes(bench: Bench) -> list[Route]:
    """Return the routes of a device: a session is begun, then its calls follow."""

    async def begin(request: Request) -> Response:
        body = await read_body(request, LARGEST_BEGIN)
        name = await run_in_threadpool(lambda: bench.begin(*read_begin(body)))
        return JSONResponse({"session": name})

    async def load(request: Request) -> Response:
        name, body = request.path_params["session"], await read_body(request, LARGEST_LATTICE)
        return octets(await run_in_threadpool(bench.load_image, name, body))

    async def state(request: Request) -> Response:
        name, body = request.path_params["session"], await read_body(request, LARGEST_LATTICE)
        step = whole(request.query_params.get("step", ""))
        return octets(await run_in_threadpool(bench.load_state, name, body, step))

    async def step(request: Request) -> Response:
        gated = request.query_params.get("gated") != "0"
        await read_body(request, 0)
        return octets(await run_in_threadpool(bench.step, request.path_params["session"], gated))

    async def wipe(request: Request) -> Response:
        name, body = request.path_params["session"], await read_body(request, LARGEST_LATTICE)
        return octets(await run_in_threadpool(bench.wipe, name, body))

    calls = {"load": load, "state": state, "step": step, "wipe": wipe}
    return [
        Route("/device", in_one_line(begin), methods=["POST"]),
        *(
            Route(f"/device/{{session}}/{name}", in_one_line(call), methods=["POST"])
            for name, call in calls.items()
        ),
    ]


def in_one_line(handler: Handler) -> Handler:
    """Turn what goes wrong in a call into an answer of one line."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except TooLarge as error:
            return JSONResponse({"error": str(error)}, 413, {"Connection": "close"})
        except NoSession as error:
            return JSONResponse({"error": str(error)}, 404)
        except InputError as error:
            return JSONResponse({"error": reason(error)}, 400)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # a device's library has its own; the service lives on
            return JSONResponse({"error": f"{type(error).__name__}: {reason(error)}"}, 500)

    return handle


def octets(data: bytes) -> Response:
    """Return an answer of bytes."""
    return Response(data, media_type="application/octet-stream")


def whole(text: str) -> int:
    """Return the number in a query."""
    if not re.fullmatch(r"\d{1,10}", text, re.ASCII):
        raise InputError(f"step must be an integer, not {text[:40]!r}")
    return int(text)


def read_begin(body: bytes) -> tuple[Skeleton, GateNetwork | None]:
    """Return the skeleton and the gate of a session that begins.

    The body is the length of the skeleton.json (4 bytes, little-endian), that file, and then the
    gate.safetensors, if there is one.
    """
    size = int.from_bytes(body[:4], "little")
    text, gate = body[4 : 4 + size], body[4 + size :]
    if len(body) < 4 + size or size > LARGEST_SKELETON:
        raise InputError("The body must be a length, a skeleton and a gate")
    try:
        values = parse_json(text.decode("utf-8"), "The skeleton")
    except UnicodeDecodeError as error:
        raise InputError(f"The skeleton must be JSON: {reason(error)}") from None
    skeleton = Skeleton.from_json(values)
    return skeleton, read_gate(gate, skeleton) if gate else None


def read_gate(data: bytes, skeleton: Skeleton) -> GateNetwork:
    """Return the gate in the bytes of a gate.safetensors; it must fit the skeleton."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / GATE_FILE
        path.write_bytes(data)
        try:
            network = GateNetwork.load(path)
            network.require_fit(skeleton, path.name)
        except InputError as error:
            raise InputError(str(error).replace(str(path), path.name)) from None
    return network
