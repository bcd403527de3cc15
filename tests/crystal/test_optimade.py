"""Download from OPTIMADE, with a local server that answers as providers do."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from local_server import Server
from typer.testing import CliRunner

from bragglens.cli.app import app
from bragglens.crystal.cif import DEFAULT_U_ISO
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.optimade import fetch_optimade
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition, reflections
from bragglens.crystal.scattering import form_factor, form_factor_coefficients
from bragglens.errors import FetchError

FILTER = 'elements HAS ALL "Ti","O" AND nelements=2'


def species(name: str, **shares: float) -> dict[str, Any]:
    """A species of an answer."""
    return {"name": name, "chemical_symbols": list(shares), "concentration": list(shares.values()), "mass": None}


def entry(code: str, formula: str, lattice: Any, sites: list[tuple[str, Any]], *kinds: Any, **more: Any) -> dict:
    """An entry with all atoms of the cell, with fractional coordinates."""
    places = np.array([place for _, place in sites]) @ np.array(lattice)
    attributes = {
        "chemical_formula_reduced": formula,
        "last_modified": "2025-02-11T08:30:00Z",
        "dimension_types": [1, 1, 1],
        "lattice_vectors": np.array(lattice).tolist(),
        "cartesian_site_positions": places.tolist(),
        "species": list(kinds),
        "species_at_sites": [kind for kind, _ in sites],
        "structure_features": [],
    }
    return {"id": code, "type": "structures", "attributes": attributes | more}


U = 0.3048  # Howard et al. 1991
RUTILE = entry(
    "mp-2657",
    "O2Ti",
    [[0.0, 4.5937, 0.0], [0.0, 0.0, 4.5937], [2.9587, 0.0, 0.0]],  # rotated, as in the cells of providers
    [
        ("Ti", (0, 0, 0)),
        ("Ti", (0.5, 0.5, 0.5)),
        ("O", (U, U, 0)),
        ("O", (1 - U, 1 - U, 0)),
        ("O", (0.5 + U, 0.5 - U, 0.5)),
        ("O", (0.5 - U, 0.5 + U, 0.5)),
    ],
    species("Ti", Ti=1.0),
    species("O", O=1.0),
)
FCC = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]
WUSTITE = entry(
    "exp/77",
    "Fe9MgO10",
    np.eye(3) * 4.3,
    [("metal", place) for place in FCC] + [("O", np.array(place) + 0.5) for place in FCC],
    species("metal", Fe=0.9, Mg=0.06, vacancy=0.04),
    species("O", O=1.0),
    structure_features=["disorder"],
)


def changed(code: str, **attributes: Any) -> dict:
    """Rutile with changed attributes."""
    return {**RUTILE, "id": code, "attributes": RUTILE["attributes"] | attributes}


def reply(server: Server, *pages: Any, status: int = 200) -> None:
    """Answer page after page. A dict is sent as JSON, a text unchanged."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        number = int(parse_qs(urlsplit(handler.path).query).get("page_offset", ["0"])[0])
        page = pages[number]
        body = (page if isinstance(page, str) else json.dumps(page)).encode()
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(body)

    server.answer = answer


def page(*entries: Any, following: Any = None) -> dict[str, Any]:
    return {"data": list(entries), "links": {"next": following}, "meta": {"api_version": "1.1.0"}}


def fetch(server: Server, folder: Path, **options: Any):
    return fetch_optimade(folder, server.url + "/main/v1/", FILTER, pause=0.01, **{"most": 200, **options})


def strongest(phase: Phase) -> np.ndarray:
    """d in Å and relative multiplicity · |F|² of the strongest lines, with the default displacements."""
    sites = tuple(replace(site, u_aniso=None, u_iso=DEFAULT_U_ISO) for site in phase.sites)
    found = reflections(replace(phase, sites=sites), 1.3)
    f = form_factor(form_factor_coefficients(found.elements), 1 / (2 * found.d) ** 2)
    strength = found.multiplicity * np.abs((f * found.geometry).sum(axis=1)) ** 2
    first = np.argsort(strength)[::-1][:6]
    return np.column_stack([found.d[first], strength[first] / strength.max()])


@pytest.mark.parametrize("link", [str, lambda address: {"href": address}], ids=["text", "object"])
def test_two_pages_become_a_library(server: Server, tmp_path: Path, titania: Library, link: Any) -> None:
    following = link(f"{server.url}/main/v1/structures?page_offset=1")
    reply(server, page(RUTILE, following=following), page(WUSTITE, changed("odd", cartesian_site_positions=None)))
    gathered = fetch(server, tmp_path)
    assert gathered.problems == (
        "OPTIMADE odd: is left out, since its cell, positions or species are missing or damaged",
    )
    assert [path.name for path in gathered.files] == ["O2Ti_mp-2657.cif", "Fe9MgO10_exp_77.cif"]

    request = urlsplit(server.paths[0])
    assert request.path == "/main/v1/structures"
    assert parse_qs(request.query)["filter"] == [FILTER]
    assert "cartesian_site_positions" in parse_qs(request.query)["response_fields"][0].split(",")
    assert parse_qs(request.query)["page_limit"] == ["50"]

    library = read_library(tmp_path)
    assert library.problems == ()
    wustite, rutile = library
    own = next(phase for phase in titania if phase.name == "rutile")
    assert rutile.space_group == "P 42/m n m"
    assert rutile.density == pytest.approx(own.density, rel=1e-4)
    assert strongest(rutile) == pytest.approx(strongest(own), rel=2e-3)
    assert wustite.space_group == "F m -3 m"
    assert composition(wustite) == pytest.approx({"Fe": 3.6, "Mg": 0.24, "O": 4})

    with (tmp_path / "manifest.csv").open(newline="") as handle:
        row = list(csv.DictReader(handle))[1]
    assert (row["source"], row["id"]) == (f"{server.url}/main", "mp-2657")
    assert row["revision"] == "2025-02-11T08:30:00Z"
    assert row["url"] == f"{server.url}/main/v1/structures/mp-2657"


def test_each_entry_that_is_no_crystal_is_one_sentence(server: Server, tmp_path: Path) -> None:
    oxygen = species("O", O=1.0)
    places = RUTILE["attributes"]["cartesian_site_positions"]
    wrong = {
        "unknown_positions": {"structure_features": ["unknown_positions"]},
        "implicit_atoms": {"structure_features": ["disorder", "implicit_atoms"]},
        "assemblies": {"structure_features": ["assemblies"]},
        "'X' is not an element": {"species": [species("Ti", X=1.0), oxygen]},
        "'Qq' is not an element": {"species": [species("Ti", Qq=1.0), oxygen]},
        "an occupancy of 1.20": {"species": [species("Ti", Ti=0.6, Zr=0.6), oxygen]},
        "attached": {"species": [species("Ti", Ti=1.0), oxygen | {"attached": ["H"], "nattached": [1]}]},
        "not periodic": {"dimension_types": [1, 1, 0]},
        "there is no site for its H": {"chemical_formula_reduced": "H2O4Ti2"},
        "missing or damaged": {"species_at_sites": ["Ti"]},
        "species are missing": {"species": "Ti"},
        "cell, positions": {"lattice_vectors": [[None, None, None]] * 3},
        "which may coincide": {"cartesian_site_positions": [places[0]] * 6},
        "more than 1000": {"species_at_sites": ["O"] * 1002, "cartesian_site_positions": places * 167},
    }
    entries = [changed(f"\x1b[31m{number}\n", **attributes) for number, attributes in enumerate(wrong.values())]
    reply(server, page(*entries, 5, {"id": 7}, changed("again", structure_features=3), RUTILE))
    gathered = fetch(server, tmp_path)
    assert [path.name for path in gathered.files] == ["O2Ti_mp-2657.cif"]
    for part, problem in zip([*wrong, "without id", "without id", "has 3"], gathered.problems, strict=True):
        assert part in problem
        assert problem.isprintable()


@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_quotes_the_message_of_the_provider(server: Server, tmp_path: Path, status: int) -> None:
    reply(server, {"errors": [{"status": "400", "detail": "Unable to parse\nfilter"}], "meta": {}}, status=status)
    with pytest.raises(FetchError, match=r"the provider refuses \(Unable to parse filter\): check the filter"):
        fetch(server, tmp_path)


@pytest.mark.parametrize("text", ["<html>a page</html>", "[1]", '{"data": {}}', "[" * 200_000])
def test_invalid_answers_are_refused(server: Server, tmp_path: Path, text: str) -> None:
    reply(server, text)
    with pytest.raises(FetchError, match="main/v1/structures: the answer is not OPTIMADE"):
        fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("following", "said"),
    [
        ("http://localhost:9/v1/structures?page_offset=1", "another host"),
        ("http://[", "another host"),
        ("file:///etc/passwd", "another host"),
        ("?page_offset=1", "the answer is not OPTIMADE"),
    ],
)
def test_entries_before_an_error_are_kept(server: Server, tmp_path: Path, following: str, said: str) -> None:
    reply(server, page(RUTILE, following=following), "<html>busy</html>")
    gathered = fetch(server, tmp_path)
    assert len(gathered.files) == 1
    assert said in gathered.problems[0]
    assert "after 1 entries, which are kept" in gathered.problems[0]


def test_no_more_than_the_requested_number_is_downloaded(server: Server, tmp_path: Path) -> None:
    endless = f"{server.url}/main/v1/structures?page_offset=0"
    reply(server, page(RUTILE, changed("other"), following=endless))
    gathered = fetch(server, tmp_path, most=3)
    assert len(server.paths) == 2
    assert len(gathered.files) == 3
    assert "more than 3 structures match" in gathered.problems[0]
    reply(server, page(RUTILE, changed("other")))
    assert fetch(server, tmp_path, most=2).problems == ()


def test_edited_files_and_files_of_other_entries_are_not_changed(server: Server, tmp_path: Path) -> None:
    reply(server, page(RUTILE, WUSTITE))
    first, _ = fetch(server, tmp_path).files
    first.write_text(first.read_text() + "# mine\n")
    reply(server, page(RUTILE, {**WUSTITE, "id": "exp_77"}))
    problems = fetch(server, tmp_path).problems
    assert "exists already and was changed, so it is kept" in problems[0]
    assert "holds exp/77 of" in problems[1]
    assert first.read_text().endswith("# mine\n")


def test_command(server: Server, tmp_path: Path) -> None:
    reply(server, page(RUTILE))
    command = ["fetch", "optimade", server.url, FILTER, "-o", str(tmp_path / "lib")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "1 structures, 0 problems" in done.output
    reply(server, page())
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert "no structure matches" in done.output
