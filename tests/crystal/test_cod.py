"""Download from COD, with a local server."""

from __future__ import annotations

import csv
import importlib.metadata
import os
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from local_server import Server
from typer.testing import CliRunner

from bragglens.cli.app import app
from bragglens.crystal import cod
from bragglens.crystal.cod import fetch_cod
from bragglens.crystal.library import read_library
from bragglens.errors import BragglensError

HALITE = """#------
#$Revision: 176465 $
data_9000629
_chemical_formula_sum 'Cl Na'
_chemical_name_mineral Halite
_cell_length_a 5.6402
_cell_length_b 5.6402
_cell_length_c 5.6402
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
_cod_database_code 9000629
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na 0 0 0
Cl 0.5 0.5 0.5
"""
SYLVITE = HALITE.replace("9000629", "9003113").replace("Halite", "Sylvite").replace("Na", "K").replace("5.64", "6.29")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAGGLENS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def serve(server: Server):
    """Serve a text for each path. Other paths give 404."""

    def serve(pages: dict[str, str | int]) -> Server:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            page = pages.get(handler.path, 404)
            if isinstance(page, int):
                handler.send_error(page)
                return
            body = page.encode()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        server.answer = answer
        return server

    return serve


def fetch(server: Server, folder: Path, *ids: str, **options: str):
    return fetch_cod(folder, ids, base_url=server.url + "/cod", pause=0.01, **options)


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_structures_come_with_name_and_origin(serve, tmp_path: Path) -> None:
    server = serve({"/cod/9000629.cif": HALITE, "/cod/9003113.cif": SYLVITE})
    gathered = fetch(server, tmp_path / "lib", "9000629", "9003113", "9000629")
    assert [path.name for path in gathered.files] == ["Halite_9000629.cif", "Sylvite_9003113.cif"]
    assert gathered.problems == ()
    assert read_library(tmp_path / "lib").names == ("Halite_9000629", "Sylvite_9003113")
    assert server.agents == [f"bragglens/{importlib.metadata.version('bragglens')}"] * 2
    halite = manifest(tmp_path / "lib")[0]
    assert halite["id"] == "9000629"
    assert halite["revision"] == "176465"
    assert halite["url"] == f"{server.url}/cod/9000629.cif"
    assert halite["sha256"] == __import__("hashlib").sha256(HALITE.encode()).hexdigest()
    assert halite["date"].endswith("Z")


def test_a_revision_is_requested_by_option_or_number(serve, tmp_path: Path) -> None:
    server = serve({f"/cod/9000629.cif@{n}": HALITE for n in (5, 7)} | {"/cod/9003113.cif@7": SYLVITE})
    gathered = fetch(server, tmp_path / "lib", "9000629@5", "9003113", revision="7")
    assert gathered.problems == ()
    assert [row["revision"] for row in manifest(tmp_path / "lib")] == ["5", "7"]
    assert server.paths == ["/cod/9000629.cif@5", "/cod/9003113.cif@7"]


def test_nothing_is_fetched_twice(serve, tmp_path: Path) -> None:
    server = serve({"/cod/9000629.cif": HALITE})
    first = fetch(server, tmp_path / "one", "9000629")
    assert fetch(server, tmp_path / "one", "9000629") == first
    assert fetch(server, tmp_path / "two", "9000629").files[0].read_text() == HALITE
    assert len(server.paths) == 1


def test_each_failing_number_is_one_sentence_and_the_rest_is_fetched(serve, tmp_path: Path) -> None:
    server = serve(
        {
            "/cod/9000629.cif": HALITE,
            "/cod/9003113.cif": HALITE,
            "/cod/1000000.cif": "<html>database is being rebuilt, _cell_length_a</html>",
            "/cod/1000001.cif": HALITE.replace("9000629", "1000001").replace("5.6402", "0.1"),
            "/cod/1000002.cif": HALITE.replace("9000629", "1000002")[:-40],
        }
    )
    gathered = fetch(server, tmp_path, "abc", "9999999", "9003113", "1000000", "1000001", "9000629", "../../1")
    assert [path.name for path in gathered.files] == ["Halite_9000629.cif"]
    assert len(gathered.problems) == 6
    said = "\n".join(gathered.problems)
    assert said.count("\n") == 5
    for part in (
        "'abc' is not a COD number",
        "9999999.cif: the server answered 404",
        "9003113.cif: the answer is COD 9000629",
        "1000000.cif: the answer is not a CIF",
        "COD 1000001: the unit cell",
        "'../../1' is not a COD number",
    ):
        assert part in said


def test_a_temporary_error_is_retried(server: Server, tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if len(server.paths) < 3:
            handler.send_error(503)
        else:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(HALITE.encode())

    server.answer = answer
    assert fetch(server, tmp_path, "9000629").problems == ()
    assert len(server.paths) == 3


def test_a_too_large_file_is_stopped_during_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cod, "MAX_FILE_SIZE", 2**20)

    server.serve_without_end()
    assert "is larger than 1 MB" in fetch(server, tmp_path, "9000629").problems[0]
    assert not list(tmp_path.rglob("*.cif"))


def test_an_edited_file_is_not_overwritten(serve, tmp_path: Path) -> None:
    server = serve({"/cod/9000629.cif": HALITE})
    (path,) = fetch(server, tmp_path, "9000629").files
    path.write_text(HALITE.replace("5.6402", "5.65"))
    gathered = fetch(server, tmp_path, "9000629")
    assert gathered.files == ()
    assert "exists already and was changed, so it is kept" in gathered.problems[0]
    assert "5.65" in path.read_text()


def test_command(serve, tmp_path: Path) -> None:
    server = serve({"/cod/9000629.cif": HALITE})
    url = ["--url", server.url + "/cod", "-o", str(tmp_path / "lib")]
    done = CliRunner().invoke(app, ["fetch", "cod", "9000629", *url])
    assert done.exit_code == 0, done.output
    assert "1 structures, 0 problems" in done.output
    done = CliRunner().invoke(app, ["fetch", "cod", "9000629", "12", *url])
    assert done.exit_code == 1
    assert "'12' is not a COD number" in done.output


@pytest.mark.skipif(os.name == "nt", reason="of Linux and macOS")
def test_the_cache_is_in_the_usual_folder_of_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from bragglens.files import cache_folder

    monkeypatch.delenv("BRAGGLENS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert sys.platform != "linux" or cache_folder() == tmp_path / "bragglens"


def test_a_search_requests_each_combination_of_the_elements(serve, tmp_path: Path) -> None:
    pages = {
        "/cod/result?el1=Na&nel1=K&strictmin=1&strictmax=1&format=lst": "",
        "/cod/result?el1=Cl&nel1=K&strictmin=1&strictmax=1&format=lst": "\n",
        "/cod/result?el1=Na&el2=Cl&nel1=K&strictmin=2&strictmax=2&format=lst": "9000629\n",
        "/cod/result?text=potash+salt&format=lst": "9003113\n9000629\n",
        "/cod/result?text=unobtainium&format=lst": "",
        "/cod/result?text=html&format=lst": "<html>busy</html>",
    }
    server = serve(pages)
    here = {"base_url": server.url + "/cod", "pause": 0.01}
    assert cod.search_cod(elements="NaCl, -K", **here) == ("9000629",)
    assert cod.search_cod(text=" potash salt ", **here) == ("9000629", "9003113")
    for options, said in (
        ({}, "the COD search is empty"),
        ({"text": "html"}, "is not a list of COD numbers"),
        ({"elements": "Li,Na,K,Rb,Cs,Mg,Ca"}, "7 elements are too many"),
        ({"elements": "Xx"}, "Xx is no element"),
        ({"text": "unobtainium"}, "finds no such structure"),
    ):
        with pytest.raises(BragglensError, match=said):
            cod.search_cod(**options, **here)


def test_an_interrupted_download_continues(serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cod, "POLITE", 0.01)
    pages = {"/cod/result?text=salt&format=lst": "9000629\n9003113\n", "/cod/9000629.cif": HALITE}
    server = serve(pages)
    arguments = ["fetch", "cod", "--query", "salt", "-o", str(tmp_path / "lib"), "--url", server.url + "/cod"]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    pages["/cod/9003113.cif"] = SYLVITE
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert server.paths.count("/cod/9000629.cif") == 1
    assert [row["id"] for row in manifest(tmp_path / "lib")] == ["9000629", "9003113"]


def test_a_computed_structure_is_marked(serve, tmp_path: Path) -> None:
    marked = HALITE.replace("_cod_database_code", "_cod_struct_determination_method theoretical\n_cod_database_code")
    server = serve({"/cod/9000629.cif": marked})
    fetch(server, tmp_path / "lib", "9000629")
    (phase,) = read_library(tmp_path / "lib")
    assert "is computed, not measured: its cell may be some percent off" in phase.notes
