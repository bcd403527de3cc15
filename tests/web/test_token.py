"""A server that others can reach wants its token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from bragglens.crystal.library import Library
from bragglens.web.server import application
from bragglens.web.token import token_for

TOKEN = "a-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def client(titania: Library) -> Iterator[TestClient]:
    """A client of a server with a token, that does not have it yet."""
    served = application(titania, workers=0, token=TOKEN)
    with TestClient(served, base_url="http://192.0.2.7:8000", follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize(
    ("address", "wanted"),
    [("127.0.0.1", False), ("127.0.0.53", False), ("::1", False), ("0.0.0.0", True), ("::", True), ("10.1.2.3", True),
     ("fe80::1%eth0", True)],
)  # fmt: skip
def test_who_wants_one(address: str, wanted: bool) -> None:
    token = token_for(address)
    assert (token is not None) == wanted
    assert token is None or len(token) >= 32
    assert token is None or token != token_for(address)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/model", "/api/health", "/openapi.json", "/static/page.js", "/api/jobs/x", "/nothing"]
)
def test_nothing_without_it(client: TestClient, path: str) -> None:
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Cookie": "a=b"}):
        refused = client.get(path, headers=given)
        assert refused.status_code == 401
        assert "wants its token" in refused.json()["error"]
        assert "default-src 'none'" in refused.headers["content-security-policy"]
    for query in ("token=", "token=wrong", f"token={TOKEN[:-1]}", f"Token={TOKEN}", "token=%ff"):
        assert client.get(f"{path}?{query}").status_code == 401


def test_nothing_is_taken_without_it(client: TestClient) -> None:
    scan = {"files": ("a.xy", b"1 2")}
    assert client.post("/api/identify", files=scan).status_code == 401
    assert client.delete("/api/jobs/x").status_code == 401
    assert client.post("/api/identify", files=scan, headers=BEARER).status_code == 202
    assert client.get("/api/health", headers=BEARER).json()["queued"] == 1


def test_a_program_gives_it_with_each_call(client: TestClient) -> None:
    assert client.get("/api/model", headers=BEARER).status_code == 200
    assert client.get(f"/api/model?token={TOKEN}").status_code == 200
    assert client.get("/api/model").status_code == 401


def test_a_browser_keeps_it_as_a_cookie(client: TestClient) -> None:
    welcome = client.get(f"/?token={TOKEN}")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
    cookie = welcome.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    assert client.get("/").status_code == 200  # with the cookie
    assert client.get("/static/page.js").status_code == 200
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert client.post("/api/identify", files={"files": ("a.xy", b"1 2")}, headers=foreign).status_code == 403


def test_none_where_nobody_else_can_reach_it(titania: Library) -> None:
    with TestClient(application(titania, workers=0), base_url="http://127.0.0.1:8000") as client:
        assert client.get("/api/model").status_code == 200
