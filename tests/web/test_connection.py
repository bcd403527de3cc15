"""What a client may leave open, and for how long."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from bragglens.crystal.library import Library
from bragglens.web import connection
from bragglens.web.server import application

ASKED = b"GET /api/model HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF = ASKED[:20]
LONG = 60.0  # seconds within which what is expected has happened, on a busy machine too


@pytest.fixture
def port(titania: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Port of a server with short times and room for six connections, which answers no scans."""
    monkeypatch.setattr(connection, "HEADERS", 0.5)
    monkeypatch.setattr(connection, "SILENCE", 0.5)
    monkeypatch.setattr(connection, "MOST", 6)
    listening = socket.create_server(("127.0.0.1", 0))
    served = uvicorn.Server(connection.settings(application(titania, workers=0)))
    thread = threading.Thread(target=served.run, args=([listening],))
    thread.start()
    while not served.started:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    served.should_exit = True
    thread.join()


def opened(port: int, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=LONG)
    client.sendall(sent)
    return client


def answer(client: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    received = b""
    try:
        while part := client.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    client.close()
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HALF,
        b"POST /api/identify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
        b"POST /api/identify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_what_is_left_half_open_is_closed(port: int, sent: bytes) -> None:
    assert b"200 OK" not in answer(opened(port, sent))  # which would wait until LONG


def test_a_further_request_that_is_left_half_open_is_closed(port: int) -> None:
    client = opened(port, ASKED)
    assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
    client.sendall(HALF)
    answer(client)


def test_whoever_asks_finds_room_among_those_who_do_not(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS", LONG)
    idle = [opened(port, HALF) for _ in range(20)]
    asked = opened(port, ASKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answer(asked).startswith(b"HTTP/1.1 200 OK")
    for client in idle:
        client.close()


def test_headers_have_an_end(port: int) -> None:
    assert answer(opened(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)).startswith(b"HTTP/1.1 4")


def test_as_many_connections_as_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, most in ((None, 256), (1024, 256), (100, 68), (40, 8), (20, 4)):
        monkeypatch.setattr(connection, "open_files", lambda files=files: files)
        assert connection.most_connections() == most
