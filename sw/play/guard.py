"""What lets requests in: those of this machine's own pages, of a size that is meant."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Guard", "TooLarge", "read_body"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""Sent with every answer: the page loads its own files alone, and nobody frames it."""


class TooLarge(Exception):
    """A request's body is larger than it may be."""


class Guard:
    """Refuses requests that name another host, or come from another page.

    A page elsewhere can have a browser send requests here, under a name of its own that it has
    point to this machine; Host and Origin tell of it.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.app = app
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        if port == 80:
            self.hosts |= {"127.0.0.1", "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or answer it with a refusal."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._reason(Headers(scope=scope))
        if refused is None:
            await self.app(scope, receive, answer)
        else:
            await JSONResponse({"error": refused}, 403)(scope, receive, answer)

    def _reason(self, headers: Headers) -> str | None:
        """Return why a request is refused; None if it is not."""
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return "Host must be 127.0.0.1 or localhost, with this port"
        origins = {f"http://{host}" for host in self.hosts}
        if any(origin not in origins for origin in headers.getlist("origin")):
            return "Origin must be this page's own"
        return None


async def read_body(request: Request, most: int) -> bytes:
    """Return a request's body; raise `TooLarge` as soon as it has more than ``most`` bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise TooLarge(f"The body must have at most {most:,} bytes")
    return bytes(body)
