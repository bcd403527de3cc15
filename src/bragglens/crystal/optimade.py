"""Structures of any OPTIMADE provider, chosen by a filter, in the conventional cell of their space group.

(Evans et al., Digital Discovery 3 (2024) 1509; specification 1.1 and 1.2, https://www.optimade.org/specification.)
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import gemmi
import numpy as np

from bragglens.crystal.cif_text import phase_cif
from bragglens.crystal.formula import parse_formula
from bragglens.crystal.from_objects import phase_of_atoms
from bragglens.crystal.phase import Phase
from bragglens.crystal.provenance import Gathered, Origin, file_name, put, read_manifest, sha256, write_manifest
from bragglens.download import fetch
from bragglens.errors import BragglensError, FetchError, StructureError

PAGE = 50  # entries a request: a provider refuses more than it likes
PAGE_LIMIT = 50 * 2**20  # bytes
SITES = 1000  # of an entry: the search for symmetry takes seconds, and beyond it minutes
POLITE = 0.5  # seconds between requests

_FIELDS = (
    "lattice_vectors,cartesian_site_positions,species,species_at_sites,chemical_formula_reduced,last_modified,"
    "structure_features,dimension_types"
)


def fetch_optimade(
    folder: str | Path,
    url: str,
    wanted: str,
    *,
    most: int,
    timeout: float = 30.0,
    pause: float = POLITE,
    tick: Callable[[int, int], object] | None = None,
) -> Gathered:
    """Put the structures that a provider finds into a folder, each named by its formula and its id.

    Mixed and partly occupied sites are kept. spglib finds the symmetry, as in `phase_of`. A physically impossible entry
    never stops the others, and entries before a network failure are kept.

    Args:
        folder: for the CIFs and the manifest; created if missing.
        url: the provider's base URL, with or without `/v1`.
        wanted: filter in OPTIMADE's language, `elements HAS ALL "Ti","O" AND nelements=2`.
        most: maximum number of entries.
        timeout: seconds without a byte from the server before it is given up.
        pause: seconds between two requests.
        tick: called with the entries done and the maximum.

    Returns:
        The CIFs, and one sentence for each entry that failed and for matches that were not fetched.

    Raises:
        FetchError: the provider cannot be reached, or refuses the filter.
        StructureError: the folder's manifest has another form.
    """
    folder, base = Path(folder), re.sub(r"(/v1)?/*$", "", url.strip())
    origins, files, problems, done = read_manifest(folder), [], [], 0
    try:
        for entry in _entries(base, wanted, most, timeout, pause):
            done += 1
            try:
                files.append(_place(folder, entry, base, origins))
                write_manifest(folder, origins)
            except BragglensError as error:
                problems.append(str(error))
            if tick:
                tick(done, most)
    except FetchError as error:
        if not done:
            raise
        problems.append(f"{error} (after {done} entries, which are kept)")
    if not done:
        problems.append(f"{base}: no structure matches '{wanted}': widen the filter")
    return Gathered(tuple(files), tuple(problems))


def _entries(base: str, wanted: str, most: int, timeout: float, pause: float) -> Iterator[Any]:
    """The entries of all pages; a FetchError if more match than requested."""
    asked = {"filter": wanted, "response_fields": _FIELDS, "page_limit": min(most, PAGE)}
    address, done = f"{base}/v1/structures?{urlencode(asked, quote_via=quote)}", 0
    while True:
        page = _page(address, timeout, pause)
        yield from page["data"][: most - done]
        done += len(page["data"])
        address = _next(page, address)
        if done > most or (done == most and address):
            raise FetchError(f"{base}: more than {most} structures match: narrow the filter, or fetch more with --most")
        if not address or not page["data"]:
            return
        time.sleep(pause)


def _page(address: str, timeout: float, pause: float) -> dict[str, Any]:
    """One answer, which has a list of entries."""
    try:
        content = fetch(address, limit=PAGE_LIMIT, timeout=timeout, pause=pause)
    except FetchError as error:
        _refuse_errors(_parsed(_body(error.__cause__)), address)
        raise
    page = _parsed(content)
    _refuse_errors(page, address)
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise FetchError(f"{_bare(address)}: the answer is not OPTIMADE: pass the provider's base URL")
    return page


def _body(error: BaseException | None) -> bytes:
    """The text of a server's refusal."""
    if isinstance(error, urllib.error.HTTPError):
        with suppress(OSError, http.client.HTTPException, ValueError):
            return error.read(2**16)
    return b""


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _refuse_errors(page: Any, address: str) -> None:
    """Raise the provider's error message, if there is one."""
    errors = page.get("errors") if isinstance(page, dict) else None
    if errors:
        first = errors[0] if isinstance(errors, list) else errors
        said = (first.get("detail") or first.get("title")) if isinstance(first, dict) else first
        raise FetchError(f"{_bare(address)}: the provider refuses ({_plain(said)}): check the filter and the address")


def _next(page: Mapping[str, Any], address: str) -> str:
    """The address of the next page, '' after the last.

    Raises:
        FetchError: it is on another host.
    """
    links = page.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    link = link.get("href") if isinstance(link, dict) else link
    if not isinstance(link, str) or not link:
        return ""
    try:
        following = urljoin(address, link)
        same = urlsplit(following)[:2] == urlsplit(address)[:2]
    except ValueError:
        same = False
    if not same:
        raise FetchError(
            f"{_bare(address)}: the next page is at {_plain(link)}, on another host, and is not followed: "
            "pass the base URL of that host"
        )
    return following


def _place(folder: Path, entry: Any, base: str, origins: dict[str, Origin]) -> Path:
    """Write an entry's CIF to the folder."""
    stated = entry.get("attributes") if isinstance(entry, dict) else None
    if not isinstance(stated, dict) or not isinstance(entry.get("id"), str):
        raise StructureError(f"{base}: an entry without id or attributes is left out: tell the provider")
    code = entry["id"]
    name = f"{file_name(_text(stated, 'chemical_formula_reduced'))}_{file_name(code)}"
    phase = _phase(stated, name, where=f"OPTIMADE {_plain(code)}", source=f"{_plain(code)} of {base}")
    content = phase_cif(phase).encode()
    origin = Origin(
        file=f"{name}.cif",
        source=base,
        id=code,
        revision=_text(stated, "last_modified"),
        url=f"{base}/v1/structures/{quote(code)}",
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        sha256=sha256(content),
        formula=phase.formula,
        space_group=phase.space_group,
        reference=phase.source,
        chosen="; ".join(phase.notes),
    )
    known = origins.get(origin.file, origin)
    if (known.source, known.id) != (base, code):
        raise StructureError(f"{folder / origin.file}: holds {known.id} of {known.source}: choose another folder")
    return put(folder, content, origin, origins)


def _phase(stated: Mapping[str, Any], name: str, *, where: str, source: str) -> Phase:
    """The phase of an entry's attributes."""
    features = stated.get("structure_features") or []
    strange = [one for one in features if one != "disorder"] if isinstance(features, list) else [features]
    if strange:
        raise StructureError(f"{where}: is left out, since it has {_plain(', '.join(map(str, strange)))}")
    if stated.get("dimension_types") not in (None, [1, 1, 1]):
        raise StructureError(f"{where}: is left out, since it is not periodic in all directions")
    try:
        lattice = np.array(stated["lattice_vectors"], dtype=np.float64)
        places = np.array(stated["cartesian_site_positions"], dtype=np.float64)
        species = {one["name"]: one for one in stated["species"]}
        atoms = [_elements(species[kind], where) for kind in stated["species_at_sites"]]
        positions = places @ np.linalg.inv(lattice)
        sound = lattice.shape == (3, 3) and positions.shape == (len(atoms), 3) and bool(np.isfinite(positions).all())
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        sound = False
    if not sound:
        raise StructureError(f"{where}: is left out, since its cell, positions or species are missing or damaged")
    if len(atoms) > SITES:
        raise StructureError(f"{where}: is left out, since it has {len(atoms)} sites, more than {SITES}")
    held = {element for mixed in atoms for element in mixed}
    lacking = _elements_of(_text(stated, "chemical_formula_reduced")) - held
    if lacking or not held:
        raise StructureError(
            f"{where}: is left out, since there is no site for its {', '.join(sorted(lacking)) or 'atoms'}"
        )
    filled = [i for i, mixed in enumerate(atoms) if mixed]
    return phase_of_atoms(lattice, positions[filled], [atoms[i] for i in filled], name=name, source=source)


def _elements(species: Mapping[str, Any], where: str) -> dict[str, float]:
    """The elements of a species and their occupancies, without vacancies."""
    if species.get("attached"):
        raise StructureError(f"{where}: is left out, since it has atoms that are attached without a position")
    elements: dict[str, float] = {}
    for symbol, share in zip(species["chemical_symbols"], species["concentration"], strict=True):
        if symbol == "vacancy":
            continue
        if not isinstance(symbol, str) or not gemmi.Element(symbol).atomic_number:
            raise StructureError(f"{where}: is left out, since '{_plain(symbol)}' is not an element")
        if not 0 <= share <= 1:
            raise ValueError(share)
        if share:
            name = gemmi.Element(symbol).name
            elements[name] = elements.get(name, 0.0) + float(share)
    if sum(elements.values()) > 1.01:
        raise StructureError(
            f"{where}: is left out, since one of its sites has an occupancy of {sum(elements.values()):.2f}"
        )
    return elements


def _elements_of(formula: str) -> set[str]:
    return set(parse_formula(re.sub(r"(?<=\w)(?=[A-Z])", " ", formula)))


def _text(stated: Mapping[str, Any], field: str) -> str:
    return _plain(stated.get(field) or "")


def _plain(text: object) -> str:
    """Text from elsewhere on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:300].strip()


def _bare(address: str) -> str:
    """An address without its query."""
    return address.split("?")[0]
