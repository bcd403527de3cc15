"""Whose requests are taken, how large, and what headers every answer has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI, UploadFile
from fastapi.testclient import TestClient

from bragglens.crystal.library import Library
from bragglens.scan.read import LARGEST
from bragglens.web.guard import Guard
from bragglens.web.server import application

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def client(titania: Library) -> Iterator[TestClient]:
    """A server that takes jobs and never begins them."""
    with TestClient(application(titania, workers=0, names=["XRD.lab.example"]), base_url=HERE) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/api", "/static/page.js", "/api/model", "/openapi.json", "/nothing"])
def test_every_answer_has_strict_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("192.168.1.7:8000", 200),
        ("[::1]:8000", 200),
        ("[::1]", 200),
        ("xrd.lab.example", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:8000", 403),
        ("", 403),
    ],
)
def test_only_own_names_are_answered(client: TestClient, host: str, status: int) -> None:
    assert client.get("/api/model", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),  # a program
        ({"origin": HERE, "sec-fetch-site": "same-origin"}, 202),
        ({"origin": "https://xrd.lab.example", "host": "127.0.0.1:8000"}, 202),  # a proxy that speaks TLS
        ({"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-site"}, 403),  # another server of this machine
        ({"origin": "http://xrd.lab.example:9999"}, 403),
        ({"origin": "null"}, 403),  # a sandbox, such as the report's own
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_only_the_own_page_and_programs_may_send(client: TestClient, headers: dict[str, str], status: int) -> None:
    sent = client.post("/api/identify", files={"files": ("a.xy", b"1 2")}, headers=headers)
    assert sent.status_code == status
    assert ("another web site" in sent.json().get("error", "")) == (status == 403)
    mine = client.post("/api/identify", files={"files": ("a.xy", b"1 2")}).json()["jobs"][0]["id"]
    assert client.delete(f"/api/jobs/{mine}", headers=headers).status_code == (204 if status == 202 else 403)


def parts(size: int) -> Iterator[bytes]:
    """A form with one file, in pieces, so that no header says how large it is."""
    yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.xy"\r\n\r\n'
    for _ in range(size // 1000):
        yield b"1" * 1000
    yield b"\r\n--x--\r\n"


def test_size_is_counted_while_reading() -> None:
    app, form = FastAPI(), {"content-type": "multipart/form-data; boundary=x"}

    @app.post("/")
    def size(files: list[UploadFile]) -> int:
        return files[0].size or 0

    client = TestClient(Guard(app, names=["testserver"], largest=100_000))
    assert client.post("/", content=parts(90_000), headers=form).json() == 90_000
    assert client.post("/", content=parts(110_000), headers=form).status_code == 413
    lying = client.post("/", content=parts(110_000), headers={**form, "content-length": "10"})
    assert lying.status_code == 413
    stated = client.post("/", content=b"1", headers={**form, "content-length": "100001"})
    assert stated.status_code == 413
    assert stated.json()["error"].startswith("more than 0 MB in one request")


def test_a_file_too_large_and_too_many_files(client: TestClient) -> None:
    sent = client.post("/api/identify", files={"files": ("big.xy", b"1" * (LARGEST + 1))})
    assert sent.status_code == 413
    assert sent.json() == {"error": "big.xy: is over 16 MB: is this the right file?"}
    sent = client.post("/api/identify", files=[("files", ("a.xy", b"1 2"))] * 51)
    assert sent.status_code == 413
    assert "51 files in one request: send at most 50" in sent.json()["error"]
    assert client.get("/api/health").json()["queued"] == 0
