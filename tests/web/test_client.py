"""The Python client against a server, and against what is none."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from local_server import Server

from bragglens.errors import BragglensError
from bragglens.web.client import Client, _form


@pytest.fixture
def here() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_identifies(server: str, scans: Path) -> None:
    answer = Client(server + "/").identify(scans / "nameless.xy", wavelength="CuKa", elements="Ti,O", standard=None)
    assert [phase["name"] for phase in answer["scans"][0]["phases"]] == ["rutile"]


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        ("nameless.xy", {}, "does not state its wavelength"),
        ("bad.xy", {"wavelength": "CuKa"}, "bad.xy: "),
        ("rutile.xy", {"elements": "Xx"}, "Xx"),
        ("missing.xy", {}, "missing.xy: there is no such file"),
    ],
)
def test_errors_are_the_servers_sentence(
    server: str, scans: Path, file: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(BragglensError, match=said):
        Client(server).identify(scans / file, **options)


def test_says_where_no_server_answers(here: str, scans: Path) -> None:
    with pytest.raises(BragglensError, match=f"{here}: no bragglens server answers there"):
        Client(here).identify(scans / "rutile.xy")
    with pytest.raises(BragglensError, match="no bragglens server answers there"):
        Client("no address").identify(scans / "rutile.xy")


def test_another_program_is_said_to_be_one(scans: Path) -> None:
    other = Server()  # takes no POST
    thread = threading.Thread(target=other.http.handle_request, daemon=True)
    thread.start()
    with pytest.raises(BragglensError, match=r"status 501 .*: is this a bragglens server"):
        Client(other.url).identify(scans / "rutile.xy")
    thread.join()
    other.http.server_close()


def test_token_is_sent_and_not_shown() -> None:
    assert "secret" not in repr(Client("http://192.0.2.7:8000", "secret"))


def test_file_name_cannot_add_a_field() -> None:
    body, kind = _form('a"; name="x\r\n\r\n.xy', b"1 2", {"wavelength": 1.5406})
    assert body.count(kind.partition("=")[2].encode()) == 3
    assert b'name="wavelength"\r\n\r\n1.5406\r\n' in body
    assert body.count(b'"') == 6
