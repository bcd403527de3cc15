"""Guard: checks origin, host, size and headers of requests before they reach the application.

Every web site that a user opens can reach a server on 127.0.0.1: by forms and scripts that post across origins, and
by names that resolve to 127.0.0.1. So the name in Host must be one of ours. Requests that change anything must come
from our own page or from no page at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# The report brings its scripts and styles in itself, and says by their hashes which; nothing else runs, and what runs
# is of no origin, so that it can ask this server for nothing.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Guard:
    """An ASGI application with these checks.

    Attributes:
        app: the application.
        names: accepted host names in addition to `localhost` and IP addresses.
        largest: bytes of the largest request.
    """

    app: ASGIApp
    names: Collection[str]
    largest: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, app = Headers(scope=scope), self.app
        if refused := self._foreign(scope["method"], headers):
            app = JSONResponse({"error": refused}, 403)
        elif headers.get("content-length", "0").isdecimal() and int(headers.get("content-length", "0")) > self.largest:
            app = JSONResponse({"error": _too_large(self.largest)}, 413)
        await app(scope, _counted(receive, self.largest), _with_headers(send))

    def _foreign(self, method: str, headers: Headers) -> str | None:
        """Why a request is refused."""
        host = headers.get("host", "")
        name = _name(host)
        if not self._known(name):
            return f"this server does not accept the host name '{name}': start it with --name {name} if it should"
        origin = headers.get("origin")
        if method in _READING or (origin is None and headers.get("sec-fetch-site", "none") in ("same-origin", "none")):
            return None
        theirs = (origin or "").partition("://")[2]
        if theirs and (theirs == host or theirs in self.names):  # another port is another server
            return None
        return "this request comes from another web site: use the server's own page, or a program"

    def _known(self, name: str) -> bool:
        return name == "localhost" or name in self.names or _is_address(name)


def _name(host: str) -> str:
    """The host of `host:port`, in lower case."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() else host.lower()


def _is_address(name: str) -> bool:
    """Whether a host is an IP address, which cannot be another site's name."""
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _counted(receive: Receive, largest: int) -> Receive:
    """The body of a request, cut off where it exceeds the limit, whatever its header says."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > largest:
            raise HTTPException(413, _too_large(largest))
        return message

    return counted


def _too_large(largest: int) -> str:
    return f"more than {largest >> 20} MB in one request: send fewer files at once"


def _with_headers(send: Send) -> Send:
    """The response, with our headers unless it has its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
