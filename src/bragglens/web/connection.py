"""HTTP connections of uvicorn with time limits.

uvicorn waits forever for the rest of a header or a body. Here each has a time limit. If too many connections are open,
the one that has waited longest without a request is closed for a new one.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from bragglens.web.limits import open_files

HEADERS = 10.0  # seconds from a connection, or the first byte of a further request, to the end of its headers
SILENCE = 30.0  # seconds without a byte of a body, or of an answer that is not taken
REQUEST = 600.0  # seconds for a whole body
LARGEST_HEADERS = 16 * 2**10  # bytes
MOST = 256  # connections
_OWN = 32  # files that the server and its workers have open beside connections
_LEAST = 4
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    b'{"error":"too many connections: try again in a minute"}'
)


def most_connections() -> int:
    """Maximum number of connections; fewer if the system lets this process open few files."""
    files = open_files()
    return MOST if files is None else max(_LEAST, min(MOST, files - _OWN))


class Connection(H11Protocol):
    """One connection with time limits."""

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__(*settings, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._since = self.loop.time()  # of the connection, then of the request's headers
        self._most = most_connections()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, if the limit allows."""
        super().connection_made(transport)
        if len(self.connections) <= self._most or self._make_room():
            self._wait(HEADERS)
        else:
            transport.write(_FULL)
            transport.close()

    def _make_room(self) -> bool:
        """Close the connection that has been without a request for longest; returns whether there was one."""
        idle = [one for one in self.connections if isinstance(one, Connection) and one is not self and one._is_idle()]
        if idle:
            min(idle, key=lambda one: one._since).transport.abort()
        return bool(idle)

    def _is_idle(self) -> bool:
        return self.conn.their_state is h11.IDLE and not self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Process data, and set the time limit for what is still missing."""
        before = self.conn.their_state
        super().data_received(data)
        state, now = self.conn.their_state, self.loop.time()
        if state is h11.SEND_BODY:
            if before is h11.IDLE:
                self._since = now
            self._wait(min(SILENCE, self._since + REQUEST - now))
        elif state is not h11.IDLE:
            self._stop_waiting()
        elif self._timer is None or before is not h11.IDLE:  # the beginning of a further request
            self._since = now
            self._wait(HEADERS)

    def pause_writing(self) -> None:
        """The client reads its answer more slowly than it is sent."""
        super().pause_writing()
        self._wait(SILENCE)

    def resume_writing(self) -> None:
        """The client has read some of it."""
        super().resume_writing()
        self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(max(seconds, 0.0), self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.flow.read_paused and self.loop.time() < self._since + REQUEST:  # it is we who do not go on
            self._wait(SILENCE)
        else:
            self.transport.abort()


def settings(served: ASGIApp) -> uvicorn.Config:
    """Settings of uvicorn for our application."""
    return uvicorn.Config(
        served,
        http=Connection,
        ws="none",
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        timeout_graceful_shutdown=5,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
