"""Phases to JSON values and back, with the limits of their fields, for library files and model manifests.

The limits of lengths, angles and volumes are those of the CIF reader.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import gemmi

from bragglens.crystal.phase import Phase, Site
from bragglens.errors import StructureError
from bragglens.schema import MisfitError, fit, listing, maybe, number, one_of, printable, record, refuse, row, text

LONGEST_NAME = 255  # characters, what file systems allow
MOST_SITES = 100_000
MOST_OPERATIONS = 20_000  # a group has up to 192; cells that repeat another have more
HEAVIEST = 2e8  # g/mol of a cell's content: osmium, 22.6 g/cm³, in the largest cell, 10⁷ Å³, weighs 1.4 x 10⁸
_ELEMENTS = frozenset(gemmi.Element(number).name for number in range(1, 99))  # those that have form factors, H to Cf
_WIDEST = 3.0  # Å²; an atom swings 0.3 at most, Uij of axes that are far from right angles are larger
_FAR = 1000.0  # cells that a coordinate may be away from the origin


def _operation(value: Any) -> None:
    if not (isinstance(value, str) and _is_operation(value)):
        refuse(value, "a symmetry operation such as x,-y,z+1/2")


@lru_cache(maxsize=100_000)
def _is_operation(triplet: str) -> bool:
    """Whether a text is an operation with determinant ±1."""
    try:
        operation = gemmi.Op(triplet) if len(triplet) < 100 else None
    except (RuntimeError, ValueError):
        return False
    return operation is not None and abs(operation.det_rot()) == gemmi.Op.DEN**3


def _cell(value: Any) -> None:
    _SIX(value)
    if not 1 < gemmi.UnitCell(*value).volume < 1e7:
        refuse(value, "a cell of a volume from 1 to 10⁷ Å³, as a, b, c in Å and α, β, γ in degrees")


_SIX = row(*[number(0.5, 500)] * 3, *[number(10, 170)] * 3)
_ELLIPSOID = row(*[number(0, _WIDEST)] * 3, *[number(-_WIDEST, _WIDEST)] * 3)
OPERATIONS = listing(_operation, least=1, most=MOST_OPERATIONS)
SITE = {
    "label": text(longest=200),
    "element": one_of(_ELEMENTS, "the symbol of an element from H to Cf"),
    "position": row(*[number(-_FAR, _FAR)] * 3),
    "occupancy": number(0, 1),
    "u_iso": number(0, _WIDEST),
    "u_aniso": maybe(_ELLIPSOID),
}
PHASE = {
    "name": text(least=1, longest=LONGEST_NAME),
    "formula": text(),
    "space_group": text(),
    "cell": _cell,
    "operations": OPERATIONS,
    "sites": listing(record(SITE), least=1, most=MOST_SITES),
    "cell_mass": number(0.5, HEAVIEST),
    "source": text(),
    "notes": listing(text()),
}


_PHASE = record(PHASE)


def plain(phase: Phase) -> dict[str, Any]:
    """A phase as a record for JSON."""
    sites = [{name: getattr(site, name) for name in SITE} for site in phase.sites]
    return {name: getattr(phase, name) for name in PHASE} | {"sites": sites}


def phase_from(entry: Any, name: str) -> Phase:
    """The phase of a JSON record; `name` is the name of the record in messages.

    Raises:
        MisfitError: a field is missing, unknown, or not possible.
    """
    fit(name, entry, _PHASE)
    sites = tuple(
        Site(**site | {"position": tuple(site["position"]), "u_aniso": site["u_aniso"] and tuple(site["u_aniso"])})
        for site in entry["sites"]
    )
    tuples = {name: tuple(entry[name]) for name in ("cell", "operations", "notes")}
    return Phase(**{**entry, **tuples, "sites": sites})


def storable(phase: Phase, where: object) -> Phase:
    """The phase as a file would return it, its texts without control characters.

    Raises:
        StructureError: a field is not possible; `where` begins the message.
    """
    try:
        return phase_from(printable(plain(phase)), "its phase")
    except MisfitError as error:
        raise StructureError(f"{where}: {error}: correct or rename it") from None


def hash_of(entries: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of the crystallographic content of phases as records, without paths and notes.

    It is that of their list as JSON, computed record by record: the text of 50,000 phases has hundreds of megabytes.
    """
    digest = hashlib.sha256(b"[")
    for place, entry in enumerate(entries):
        content = {name: value for name, value in entry.items() if name not in ("notes", "source")}
        digest.update((", " * (place > 0) + json.dumps(content, sort_keys=True)).encode())
    digest.update(b"]")
    return digest.hexdigest()
