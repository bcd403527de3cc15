"""Token: the secret that is needed to use a server that other machines can reach.

It is part of the address that the server prints. A browser that opens it gets the token as a cookie, which no script
can read, and continues without it in the address. Programs send `Authorization: Bearer TOKEN`, or `?token=` with each
call.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PAGES = ("/", "/api")
_REFUSED = (
    "this server wants its token: open the address that it printed at its start, or send the header "
    "Authorization: Bearer TOKEN"
)


def token_for(address: str) -> str | None:
    """A new token if other machines can reach the address, else None."""
    return None if ipaddress.ip_address(address.partition("%")[0]).is_loopback else secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Locked:
    """An ASGI application that requires the token.

    Attributes:
        app: the application.
        token: the secret.
    """

    app: ASGIApp
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        app = self.app
        if scope["type"] == "http":
            request = Request(scope)
            queried = self._is_ours(_query(scope))
            if queried and request.method == "GET" and request.url.path in _PAGES:
                app = self._welcome(request.url.path)
            elif not (queried or self._is_ours(_bearer(request)) or self._is_ours(request.cookies.get(self._cookie))):
                app = JSONResponse({"error": _REFUSED}, 401, {"WWW-Authenticate": "Bearer"})
        await app(scope, receive, send)

    @property
    def _cookie(self) -> str:
        """Name of the cookie, different for each server: a browser shares cookies between servers of a machine."""
        return f"bragglens-{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"

    def _is_ours(self, given: str | None) -> bool:
        """Whether a token is correct, by a comparison in constant time."""
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def _welcome(self, path: str) -> RedirectResponse:
        response = RedirectResponse(path, 303)
        response.set_cookie(self._cookie, self.token, httponly=True, samesite="lax")
        return response


def _query(scope: Scope) -> str | None:
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[-1]


def _bearer(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None
