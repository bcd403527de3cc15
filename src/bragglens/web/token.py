"""Token: the secret without which nobody may use a server that other machines can reach.

It stands in the address that the server prints. A browser that opens it gets the token as a cookie, which no script can
read, and goes on without it in the address; programs send `Authorization: Bearer TOKEN`, or `?token=` with each call.
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
    """A new token where others than this machine can reach the address, None where nobody else can."""
    return None if ipaddress.ip_address(address.partition("%")[0]).is_loopback else secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Locked:
    """An application for those who have the token.

    Attributes:
        app: what answers.
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
        """A name of its own: a browser keeps one cookie of a name for all servers of a machine."""
        return f"bragglens-{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"

    def _is_ours(self, given: str | None) -> bool:
        """Whether a token is the right one, in a time that does not tell how much of it is."""
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
