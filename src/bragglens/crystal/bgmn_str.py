"""Structures of BGMN and Profex (`.str`) to Phase, through a CIF, so that the checks are the same for all.

    PHASE=Calcite SpacegroupNo=167 HermannMauguin=R-32/c //
    PARAM=A=0.4990_0.497^0.501 PARAM=C=1.7062_1.70^1.71
    E=CA+2 Wyckoff=b TDS=0.006
    E=(C(p),SI+4(1-p)) p=0.98 Wyckoff=a TDS=0.005

Assignments without blanks, lengths in nm and TDS, which is B, in nm² unless UNIT=ANGSTROEM; `_` and `^` are limits of a
refined value, `//` begins a comment (http://www.bgmn.de/variables.html). Refinement settings are not used.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import gemmi

from bragglens.crystal.cif import guarded, parse_cif
from bragglens.crystal.cif_text import cell_items, cif_text
from bragglens.crystal.phase import Phase
from bragglens.crystal.wyckoff import images_of, multiplicity, wyckoff_position
from bragglens.errors import StructureError

_TOKEN = re.compile(r'((?:[^\s=]*=)+)((?:"[^"]*"|[^\s])*)')
_LIMITS = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?:[_^].*)?")
_SPECIES = re.compile(r"([A-Za-z]{1,2})(?:[+-]?\d*[+-]?)?(?:\((.*)\))?")
_FULL_AXIS = re.compile(r"(?:2_?1?|4_?[1-3]?|6_?[1-5]?)/")  # the axis of `2_1/n`, which short symbols leave out
_MOST_SITES = 1000  # of a file; the largest of those that come with Profex have some hundred
_LONGEST = 300  # letters of an expression
_AXES = ("x", "y", "z")
_ENDLESS = 20  # assignments that refer to one another
_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_DISORDER = ("RefMult", "FMult", "LeBail")  # layers out of order, or no structure at all

Variables = Mapping[str, str]


@dataclass(frozen=True)
class _Atom:
    """One element of a site: its name, symbol, position, occupancy, U in Å² or '?'."""

    label: str
    element: str
    position: tuple[float, float, float]
    occupancy: float
    u_iso: str


def parse_str(text: str, name: str, *, where: str | Path) -> Phase:
    """The phase of a structure file of BGMN or Profex.

    Args:
        text: the file.
        name: of the phase.
        where: beginning of an error message, such as the file.

    Raises:
        StructureError: no cell, no known space group, or sites that cannot be understood.
    """
    return guarded(lambda: _phase(text, name, where), where)


def _phase(text: str, name: str, where: str | Path) -> Phase:
    header, sites = _assignments(text)
    if len(sites) > _MOST_SITES:
        raise StructureError(f"{where}: lists {len(sites)} sites, more than {_MOST_SITES}: give its asymmetric unit")
    if not sites:
        raise StructureError(f"{where}: has no atoms (E=...): give a structure, not a phase of peaks alone")
    notes = [f"states {key}=: it is ignored" for key in _DISORDER if key in header]
    try:
        cell = _cell(header)
        settings = _settings(header, cell)
    except StructureError as error:
        raise StructureError(f"{where}: {error}") from None
    read: list[Phase] = []
    refused: list[str] = []
    for disagreeing, group in sorted(_by_agreement(settings, header, sites, refused), key=lambda one: one[0]):
        try:
            phase = parse_cif(_cif(header, sites, cell, group, name), name, where=where)
        except StructureError as error:
            refused.append(str(error).removeprefix(f"{where}: "))
            continue
        odd = f"{disagreeing} sites do not have the multiplicity of their Wyckoff letter in {group.xhm()}"
        read.append(replace(phase, notes=(*notes, *([odd] if disagreeing else []), *phase.notes)))
        break
    if not read:
        raise StructureError(f"{where}: {refused[0]}")
    return read[0]


# --- the file -----------------------------------------------------------------------------------------------------


def _assignments(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The assignments of the phase, and those of each site."""
    header: dict[str, str] = {}
    sites: list[dict[str, str]] = []
    within = False  # what follows E= in its line is of that site, and in the next one where the line ends with //
    for line in text.splitlines():
        stated, comment, _ = line.partition("//")
        first: dict[str, str] = {}  # what stands before E= in its line
        for keys, value in _TOKEN.findall(_joined(stated)):
            if keys == "E=":
                sites.append({"E": value, **{key: first[key] for key in first if key in (*_AXES, "Wyckoff")}})
                within, first = True, {}
                continue
            for key in _keys(keys):
                (sites[-1] if within else header)[key] = first[key] = value.strip('"')
        within = within and bool(comment)
    return header, sites


def _joined(text: str) -> str:
    """A line without blanks next to `=`, commas and brackets, so that blanks separate only assignments."""
    return re.sub(r"\s?([=,(])\s?|\s(?=\))", r"\1", " ".join(text.split()))


def _keys(text: str) -> list[str]:
    """`PARAM=A=` assigns A, and `B=A=` both."""
    return [key for key in text.split("=") if key and key != "PARAM" and not key.startswith("GOAL")]


# --- numbers ------------------------------------------------------------------------------------------------------


def _value(text: str, known: Variables, depth: int = 0) -> float:
    """The value of an assignment: a number with or without limits, or an expression of other assignments."""
    if plain := _LIMITS.fullmatch(text):
        return float(plain[1])
    try:
        if depth > _ENDLESS or len(text) > _LONGEST:
            raise ValueError
        value = _reckoned(ast.parse(text.partition("^")[0], mode="eval").body, known, depth)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError):
        raise StructureError(f"'{text[:60]}' cannot be evaluated: give a number") from None
    return value


def _reckoned(node: ast.expr, known: Variables, depth: int) -> float:
    """Sums, products, quotients, and square roots; nothing else is computed."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in known:
            return _value(known[name], known, depth + 1)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            return _reckoned(inner, known, depth) * (-1 if isinstance(sign, ast.USub) else 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](_reckoned(left, known, depth), _reckoned(right, known, depth))
        case ast.Call(func=ast.Name(id="sqrt"), args=[inner]):
            return math.sqrt(_reckoned(inner, known, depth))
        case ast.Call(func=ast.Name(id="sqr"), args=[inner]):
            return _reckoned(inner, known, depth) ** 2
    raise ValueError


def _in_angstrom(known: Variables) -> float:
    return 1.0 if known.get("UNIT", "").upper().startswith("ANG") else 10.0


# --- cell and symmetry --------------------------------------------------------------------------------------------


def _cell(header: Variables) -> list[float | None]:
    """The stated ones of a, b, c in Å and the angles in degrees."""
    unit = _in_angstrom(header)
    lengths = [_value(header[key], header) * unit if key in header else None for key in "ABC"]
    angles = [_value(header[key], header) if key in header else None for key in ("ALPHA", "BETA", "GAMMA")]
    if lengths[0] is None:
        raise StructureError("states no lattice constant (A=): give the whole structure file")
    return [*lengths, *angles]


def _settings(header: Variables, cell: list[float | None]) -> list[gemmi.SpaceGroup]:
    """The settings of the space group that the file may mean, the first of each kind first."""
    number, symbol = header.get("SpacegroupNo", ""), header.get("HermannMauguin", "")
    table = [one for one in gemmi.spacegroup_table() if not number or str(one.number) == number]
    named = [one for one in table if _short(symbol, one.number) in (_plain(one.hm), _plain(one.short_name()))]
    groups = named if symbol else [one for one in table if one.hm == table[0].hm]
    if (origin := header.get("OriginChoice", "")) in ("1", "2"):
        groups = [one for one in groups if one.ext in ("", "\0", origin)]
    rhombohedral = cell[2] is None and cell[3] is not None
    groups = [one for one in groups if one.ext not in ("H", "R") or (one.ext == "R") == rhombohedral]
    if not groups:
        stated = " ".join(part for part in (number and f"number {number}", symbol) if part)
        raise StructureError(f"its space group ({stated or 'none stated'}) is not known: correct HermannMauguin=")
    return groups


def _plain(symbol: str) -> str:
    return symbol.replace(" ", "").replace("_", "")


def _short(symbol: str, number: int) -> str:
    """`P2_1/n2_1/m2_1/a` as `Pnma`; a monoclinic symbol stays, the main axis of others before it too."""
    if number < 16:
        return _plain(symbol)
    main = re.match(r"[A-Z]-?[46](?:_?[1-5])?/[a-z](?!-3)", symbol) if 75 <= number < 195 else None
    start = main.end() if main else 0
    return _plain(symbol[:start] + _FULL_AXIS.sub("", symbol[start:]))


def _whole_cell(cell: list[float | None], group: gemmi.SpaceGroup) -> list[float]:
    """The complete cell, with what the crystal system fixes: equal axes, right angles, 120°.

    Raises:
        StructureError: a free cell parameter is missing.
    """
    system = group.crystal_system_str()
    a, b, c, alpha, beta, gamma = cell
    if group.ext == "R":
        return [_stated(a, "A")] * 3 + [_stated(alpha, "ALPHA")] * 3
    if system == "cubic":
        return [_stated(a, "A")] * 3 + [90.0] * 3
    if system in ("tetragonal", "trigonal", "hexagonal"):
        return [_stated(a, "A")] * 2 + [_stated(c, "C"), 90.0, 90.0, 90.0 if system == "tetragonal" else 120.0]
    lengths = [_stated(a, "A"), _stated(b, "B"), _stated(c, "C")]
    if system == "triclinic":
        return [*lengths, _stated(alpha, "ALPHA"), _stated(beta, "BETA"), _stated(gamma, "GAMMA")]
    if system == "monoclinic" and alpha is beta is gamma is None:
        raise StructureError("states no angle of its monoclinic cell: give BETA= (or the one of its unique axis)")
    return [*lengths, *[90.0 if angle is None else angle for angle in (alpha, beta, gamma)]]


def _stated(value: float | None, key: str) -> float:
    if value is None:
        raise StructureError(f"states no {key}=: give all lattice constants that the symmetry leaves free")
    return value


# --- sites --------------------------------------------------------------------------------------------------------


def _by_agreement(
    settings: list[gemmi.SpaceGroup], header: Variables, sites: list[dict[str, str]], refused: list[str]
) -> list[tuple[int, gemmi.SpaceGroup]]:
    """Settings with the number of sites whose multiplicity differs from that of their letter."""
    found = []
    for group in settings:
        try:
            found.append((sum(_disagrees(site, header, group) for site in sites), group))
        except StructureError as error:
            refused.append(str(error))
    return found


def _disagrees(site: Variables, header: Variables, group: gemmi.SpaceGroup) -> bool:
    given = _given(site, header)
    return "Wyckoff" in site and len(given) == 3 and not _fits(site["Wyckoff"], given, group)


def _fits(letter: str, given: Mapping[str, float], group: gemmi.SpaceGroup) -> bool:
    """Whether a point has the multiplicity of a letter."""
    return images_of([given[axis] for axis in _AXES], group) == multiplicity(group, _letter(letter))


def _given(site: Variables, header: Variables) -> dict[str, float]:
    return {axis: _value(site[axis], {**header, **site}) for axis in _AXES if axis in site}


def _letter(text: str) -> str:
    """BGMN has `alpha` for the 27th letter of P m m m."""
    return "A" if text.lower() == "alpha" else text


def _placed(site: Variables, header: Variables, group: gemmi.SpaceGroup) -> tuple[float, float, float]:
    """The position from all three coordinates, else from the Wyckoff letter and the stated ones.

    BGMN reads only the coordinates that the letter leaves free; others may be in the file and be wrong.
    """
    given = _given(site, header)
    letter = site.get("Wyckoff", "")
    if len(given) == 3 and (not letter or _fits(letter, given, group)):
        return given["x"], given["y"], given["z"]
    if not letter:
        raise StructureError(f"a site E={site['E'][:40]} states neither x=, y=, z= nor Wyckoff=: give its position")
    return wyckoff_position(group, _letter(letter), given)


def _atoms(site: Variables, header: Variables, group: gemmi.SpaceGroup, place: int) -> list[_Atom]:
    """The elements of a site: `E=AL+3(0.5)`, `E=(AL+3(p),SI+4(1-p))`; a missing occupancy is the remainder."""
    known = {**header, **site}
    mixed = re.fullmatch(r"\((.*)\)", site["E"])
    parts = re.split(r",(?![^(]*\))", mixed[1] if mixed else site["E"])
    species = [_SPECIES.fullmatch(part) for part in parts]
    shares = [_value(one[2], known) if one and one[2] else None for one in species]
    rest = max(0.0, 1.0 - sum(share for share in shares if share is not None))
    position = _placed(site, header, group)
    atoms = []
    for part, one, share in zip(parts, species, shares, strict=True):
        element = gemmi.Element(one[1].capitalize() if one else "")
        if not element.atomic_number:
            raise StructureError(f"'{part[:40]}' is not an element: write it as AL+3 or O-2(0.5)")
        label = f"{element.name}{place}"
        atoms.append(_Atom(label, element.name, position, rest if share is None else share, _u_iso(site, header)))
    return atoms


def _u_iso(site: Variables, header: Variables) -> str:
    """U in Å² from TDS or B (both mean B) or U; '' if it cannot be computed."""
    known = {**header, **site}
    stated, factor = known.get("TDS", site.get("B", "")), 8 * math.pi**2
    if not stated:
        stated, factor = site.get("U", ""), 1.0
    try:
        u = _value(stated, known) * _in_angstrom(known) ** 2 / factor
    except StructureError:  # anisotropic, or an expression of the refinement
        return ""
    return f"{u:.6f}" if u > 0 else ""


def _cif(
    header: Variables, sites: list[dict[str, str]], cell: list[float | None], group: gemmi.SpaceGroup, name: str
) -> str:
    atoms = [atom for place, site in enumerate(sites, 1) for atom in _atoms(site, header, group, place)]
    said = [header.get("PHASE", ""), header.get("Reference", "")]
    items = cell_items(_whole_cell(cell, group)) | {
        "_space_group_name_H-M_alt": group.hm,
        "_space_group_IT_number": str(group.number),
        "_publ_section_references": "; ".join([part for part in said if part] + ["structure file of BGMN"]),
    }
    columns = {
        "label": [atom.label for atom in atoms],
        "type_symbol": [atom.element for atom in atoms],
        **{f"fract_{axis}": [repr(atom.position[i]) for atom in atoms] for i, axis in enumerate(_AXES)},
        "occupancy": [f"{atom.occupancy:.6f}" for atom in atoms],
        "U_iso_or_equiv": [atom.u_iso for atom in atoms],
    }
    operations = {"operation_xyz": [operation.triplet() for operation in group.operations()]}
    return cif_text(name, items, {"_atom_site_": columns, "_space_group_symop_": operations})
