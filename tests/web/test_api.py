"""The calls as a program makes them, to a server as it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from bragglens.crystal.library import Library
from bragglens.web import jobs
from bragglens.web.server import application


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=300) as client:
        yield client


def sent(client: httpx.Client, *files: Path, **options: str) -> list[dict[str, Any]]:
    """The answered jobs of some files."""
    parts = [("files", (file.name, file.read_bytes())) for file in files]
    response = client.post("/api/identify", files=parts, data=options)
    assert response.status_code == 202, response.text
    return [ended(client, job["id"]) for job in response.json()["jobs"]]


def ended(client: httpx.Client, id: str) -> dict[str, Any]:
    for _ in range(6000):
        job = client.get(f"/api/jobs/{id}").json()
        if job["state"] in ("done", "failed"):
            return job  # type: ignore[no-any-return]
        time.sleep(0.05)
    raise AssertionError("no answer")


def test_a_scan_is_answered_reported_and_forgotten(client: httpx.Client, scans: Path) -> None:
    (job,) = sent(client, scans / "rutile.xy", elements="Ti,O")
    assert (job["state"], job["error"], job["options"]) == ("done", None, {"elements": "Ti,O"})
    assert job["answer"]["schema"] == 1
    (scan,) = job["answer"]["scans"]
    assert scan["file"] == "rutile.xy"
    assert [phase["name"] for phase in scan["phases"]] == ["rutile"]
    report = client.get(f"/api/jobs/{job['id']}/report")
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    policy = report.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy  # so that default-src forbids it
    assert "<title>Phases in rutile.xy</title>" in report.text
    assert client.delete(f"/api/jobs/{job['id']}").status_code == 204
    for gone in (client.get(f"/api/jobs/{job['id']}"), client.get(f"/api/jobs/{job['id']}/report")):
        assert gone.status_code == 404
        assert "no such job" in gone.json()["error"]


def test_a_bad_file_stops_no_other(client: httpx.Client, scans: Path) -> None:
    bad, good = sent(client, scans / "bad.xy", scans / "rutile.xy", network_only="true")
    assert (bad["state"], good["state"]) == ("failed", "done")
    assert bad["error"].startswith("bad.xy: ")
    assert bad["answer"]["scans"][0]["error"] == bad["error"]
    assert bad["missing"] is None
    refused = client.get(f"/api/jobs/{bad['id']}/report")
    assert refused.status_code == 404
    assert "has no report" in refused.json()["error"]
    assert bad["report"] is None
    assert client.get(good["report"]).status_code == 200


def test_every_scan_of_a_file_is_answered(client: httpx.Client, scans: Path, tmp_path: Path) -> None:
    first = (scans / "rutile.xy").read_text()
    (tmp_path / "two.xy").write_text(first + "".join(first.splitlines(keepends=True)[800:900]))
    (job,) = sent(client, tmp_path / "two.xy", network_only="true")
    assert (job["state"], job["error"]) == ("done", None)
    whole, short = job["answer"]["scans"]
    assert [whole["file"], short["file"]] == ["two.xy#1", "two.xy#2"]
    assert whole["phases"][0]["name"] == "rutile"
    assert "of the model's 5-90°" in short["error"]
    report = client.get(job["report"]).text
    assert "two.xy#1" in report
    assert "two.xy#2" in report


def test_the_wavelength_is_asked_for_and_given(client: httpx.Client, scans: Path) -> None:
    (job,) = sent(client, scans / "nameless.xy")
    assert (job["state"], job["missing"]) == ("failed", "wavelength")
    response = client.post(f"/api/jobs/{job['id']}/again", data={"wavelength": "CuKa"})
    assert response.status_code == 202
    again = ended(client, response.json()["id"])
    assert again["id"] != job["id"]
    assert again["answer"]["scans"][0]["wavelength"] == pytest.approx(1.5405929)
    assert again["answer"]["scans"][0]["phases"][0]["name"] == "rutile"
    assert ended(client, job["id"])["state"] == "failed"  # the old answer stays


def test_a_wavelength_for_files_that_state_none(client: httpx.Client, scans: Path) -> None:
    jobs = sent(client, scans / "nameless.xy", scans / "rutile.xy", wavelength_if_missing="CoKa", elements="Ti-O")
    used = [job["answer"]["scans"][0]["wavelength"] for job in jobs]
    assert used == [pytest.approx(1.788996), pytest.approx(1.5405929)]
    assert jobs[0]["options"]["elements"] == "Ti,O"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.xy", "passwd.xy"),
        ("C:\\Users\\me\\scan.raw", "scan.raw"),
        ("<img src=x onerror=alert(1)>.xy", "<img src=x onerror=alert(1)>.xy"),
        ("/", "scan"),
        ("x" * 1000 + ".xy", "x" * 197 + ".xy"),
    ],
)
def test_names_are_shown_and_never_paths(titania: Library, name: str, shown: str) -> None:
    with TestClient(application(titania, workers=0), base_url="http://localhost") as client:
        job = client.post("/api/identify", files={"files": (name, b"1 2")}).json()["jobs"][0]
        assert job["file"] == shown


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"wavelength": "Xx"}, "wavelength 'Xx' is not known"),
        ({"elements": "Zz"}, "Zz is no element"),
        ({"elements": "Ti - O"}, "'Ti,O' to have what follows it, 'Ti,-O' to leave it out"),
        ({"standard": "rutile"}, "standard 'rutile': give its name and wt%"),
        ({"standard": "gold=20"}, "the library has no such phase"),
        ({"particle_size": "fine"}, "particle size 'fine' is not a number"),
        ({"particle_size": "-1"}, "particle size of -1 µm is not possible"),
        ({"network_only": "perhaps"}, "network_only: "),
    ],
)
def test_options_that_are_not_possible(client: httpx.Client, options: dict[str, str], says: str) -> None:
    response = client.post("/api/identify", files={"files": ("a.xy", b"1 2")}, data=options)
    assert response.status_code == 422
    assert says in response.json()["error"]
    assert set(response.json()) == {"error"}


def test_all_errors_are_one_sentence(client: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/api/jobs", 404),  # jobs are not listed
        ("GET", "/static/../api.py", 404),
        ("PUT", "/api/model", 405),
        ("POST", "/api/identify", 422),
        ("POST", "/api/jobs/unknown/again", 404),
        ("DELETE", "/api/jobs/unknown", 404),
    ):
        response = client.request(method, path)
        assert (response.status_code, set(response.json())) == (status, {"error"}), path


def test_a_job_waits_its_turn_and_the_queue_has_an_end(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_WAITING", 3)
    scan = ("files", ("a.xy", b"1 2"))
    with TestClient(application(titania, workers=0), base_url="http://localhost") as client:
        first, second = client.post("/api/identify", files=[scan, scan]).json()["jobs"]
        assert (first["state"], first["ahead"], second["ahead"]) == ("queued", 0, 1)
        early = client.get(f"/api/jobs/{first['id']}/report")
        assert (early.status_code, early.json()["error"][:4]) == (409, "a.xy")
        full = client.post("/api/identify", files=[scan, scan])
        assert full.status_code == 429
        assert "send it again in a minute" in full.json()["error"]
        health = client.get("/api/health")  # all of a request wait, or none; and nobody is there to answer
        assert health.status_code == 503
        assert health.json() == {"state": "down", "workers": 0, "queued": 2, "running": 0}


def test_users_do_not_see_each_others_scans(titania: Library) -> None:
    with TestClient(application(titania, workers=0), base_url="http://localhost") as client:
        ids = [client.post("/api/identify", files={"files": ("a.xy", b"1 2")}).json()["jobs"][0]["id"] for _ in "ab"]
        assert len(set(ids)) == 2
        assert min(map(len, ids)) >= 22  # 128 bits and more
        assert client.get("/openapi.json").json()["paths"].keys() == {
            "/api/identify",
            "/api/jobs/{id}",
            "/api/jobs/{id}/again",
            "/api/jobs/{id}/report",
            "/api/model",
            "/api/health",
        }  # none of which lists jobs


def test_the_model_says_who_it_is(client: httpx.Client, titania: Library) -> None:
    told = client.get("/api/model").json()
    assert [phase["name"] for phase in told["phases"]] == list(titania.names)
    assert told["library"] == titania.hash
    assert told["axis"] == {"start": 5.0, "stop": 90.0, "step": 0.1, "wavelength": pytest.approx(1.5405929)}
    assert "torch" in told["versions"]


def test_the_description_tells_what_is_really_answered(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in str(described["paths"])
    fields = described["components"]["schemas"]["Body_identify_api_identify_post"]["properties"]
    options = {
        "wavelength",
        "wavelength_if_missing",
        "elements",
        "standard",
        "particle_size",
        "temperature",
        "network_only",
    }
    assert fields.keys() == {"files", *options}


def test_pages_ask_no_other_host(client: httpx.Client) -> None:
    for path in ("/", "/api", *(f"/static/{name}" for name in ("page.js", "calls.js", "api.js", "style.css"))):
        text = client.get(path).text
        assert "://" not in text, path
        assert "innerHTML" not in text
