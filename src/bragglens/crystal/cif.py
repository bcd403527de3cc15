"""CIF to Phase, sound on what public structure files get wrong.

Every guess made here is written down in `Phase.notes`, so that a user can see what was read and what was mended.
Fields follow the CIF core dictionary (https://www.iucr.org/resources/cif/dictionaries/cif_core).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.formula import parse_formula
from bragglens.crystal.phase import Phase, Site
from bragglens.errors import StructureError
from bragglens.files import read_bytes

DEFAULT_U_ISO = 0.0063  # Å², B = 0.5 Å²: usual for inorganic solids at room temperature
LARGEST_U = 0.3  # Å²; an atom that swings wider than half a bond is a slip of the file
SNAP = 0.1  # Å; coordinates typed as 0.3333 lie this near to the special position they mean
SHORTEST_CONTACT = 0.7  # Å between two atoms other than hydrogen; H-H in H2 is 0.74
METRIC_TOLERANCE = 0.02  # relative; axes that symmetry makes equal may differ by 1% of their length
MAX_FILE_SIZE = 50 * 2**20  # bytes
_MAGNETIC = ("_space_group_magn", "_atom_site_moment", "_space_group_symop_magn")
_MODULATED = ("_space_group_ssg", "_cell_modulation", "_cell_wave_vector", "_space_group_symop_ssg")
_WATER_LABELS = ("WAT", "H2O")  # names that stand for a water molecule; W alone would be tungsten

Rotation = NDArray[np.float64]


@dataclass(frozen=True)
class _Symmetry:
    """A candidate set of operations: rotations (n, 3, 3), translations (n, 3), and where they come from."""

    symbol: str
    triplets: tuple[str, ...]
    origin: str

    @property
    def statement(self) -> str:
        """What the file states, without the setting that was supposed."""
        return self.origin.partition(",")[0]

    @cached_property
    def rotations(self) -> Rotation:
        return np.array([np.array(gemmi.Op(t).rot) / gemmi.Op.DEN for t in self.triplets])

    @cached_property
    def translations(self) -> Rotation:
        return np.array([np.array(gemmi.Op(t).tran) / gemmi.Op.DEN for t in self.triplets])


def read_cif(path: str | Path) -> Phase:
    """Read the first complete structure of a CIF.

    Args:
        path: the file; its stem becomes the phase's name.

    Returns:
        The phase, with a note for each thing that was mended.

    Raises:
        StructureError: the file is missing, damaged, or holds no structure that can be.
    """
    path = Path(path)
    return parse_cif(cif_content(path).decode("utf-8", errors="replace"), path.stem, where=path)


def cif_content(path: Path) -> bytes:
    """What is written in the file.

    Raises:
        StructureError: it cannot be read, or is too large for a crystal structure.
    """
    return read_bytes(path, StructureError, largest=MAX_FILE_SIZE, what="a crystal structure")


def parse_cif(text: str, name: str, *, where: str | Path) -> Phase:
    """The first complete structure of a CIF's text.

    Args:
        text: the CIF.
        name: of the phase.
        where: what a refusal begins with, such as the file.

    Raises:
        StructureError: the text is damaged, or holds no structure that can be.
    """
    notes: list[str] = []
    block = _structure_block(text, where, notes)
    cell = _cell(block, where)
    small = _small_structure(block, where)
    if not len(small.sites) or not len(block.find_values("_atom_site_fract_x")):
        raise StructureError(
            f"{where}: holds no atom sites with fractional coordinates: take a CIF with the full structure"
        )
    formula = _text(block, "_chemical_formula_sum") or _text(block, "_chemical_formula_structural")
    composition = parse_formula(formula)
    _put_uij_in_order(small, notes)
    raw_sites = [_site(block, site, set(composition), notes, where) for site in small.sites if _is_there(site, notes)]
    if not raw_sites:
        raise StructureError(f"{where}: no site of it is occupied: give the occupancies of a real crystal")
    symmetry, sites, content = _choose_symmetry(block, small, cell, raw_sites, notes, where)
    sites = _all_ellipsoids_or_none(sites, small, notes)
    mass = _cell_mass(content, composition, notes)
    return Phase(
        name=name,
        formula=formula or _formula_of(content),
        space_group=symmetry.symbol,
        cell=tuple(cell.parameters),
        operations=symmetry.triplets,
        sites=tuple(sites),
        cell_mass=mass,
        source=_source(block),
        notes=tuple(dict.fromkeys(notes)),
    )


# --- the file ---------------------------------------------------------------------------------------------------


def _structure_block(text: str, where: str | Path, notes: list[str]) -> gemmi.cif.Block:
    """The first block that has a cell and atoms, else the first that has a cell."""
    try:
        document = gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "not CIF syntax"
        raise StructureError(f"{where}: is damaged or no CIF ({reason}): fetch the file again") from error
    blocks = [block for block in document if block.find_value("_cell_length_a")]
    if not blocks and any(block.find_value("_cell.length_a") for block in document):
        raise StructureError(f"{where}: is a CIF of a macromolecule or of CIF 2 (tags with a dot): take a core CIF")
    if not blocks:
        raise StructureError(f"{where}: has no unit cell: it is empty, cut short, or not a crystal structure")
    whole = [block for block in blocks if len(block.find_values("_atom_site_fract_x"))]
    if len(whole) > 1:
        notes.append(f"holds {len(whole)} structures, the first is taken (data_{whole[0].name})")
    block = (whole or blocks)[0]
    for beginnings, what in ((_MAGNETIC, "magnetic"), (_MODULATED, "modulated")):
        if any(tag.lower().startswith(beginnings) for tag in _tags(block)):
            notes.append(f"is {what}: its crystal is taken without that")
    return block


def _tags(block: gemmi.cif.Block) -> list[str]:
    """The tags of a block, of a loop the first."""
    items: list[Any] = list(block)
    return [item.pair[0] if item.pair else item.loop.tags[0] for item in items if item.pair or item.loop]


def _small_structure(block: gemmi.cif.Block, where: str | Path) -> gemmi.SmallStructure:
    try:
        return gemmi.make_small_structure_from_block(block)
    except (ValueError, RuntimeError) as error:
        raise StructureError(f"{where}: is damaged ({error}): correct that entry or fetch the file again") from error


def _cell(block: gemmi.cif.Block, where: str | Path) -> gemmi.UnitCell:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    values = [gemmi.cif.as_number(block.find_value(f"_cell_{name}") or "?") for name in names]
    lengths, angles = values[:3], [90.0 if np.isnan(v) else v for v in values[3:]]
    good = all(0.5 < v < 500 for v in lengths) and all(10 < v < 170 for v in angles)
    cell = gemmi.UnitCell(*lengths, *angles) if good else None
    if cell is None or not 1 < cell.volume < 1e7:
        raise StructureError(f"{where}: the unit cell {values} is not possible: correct its lengths (Å) and angles (°)")
    return cell


def _text(block: gemmi.cif.Block, tag: str) -> str:
    """A tag's text, '' where it is absent or unknown."""
    value = block.find_value(tag)
    text = gemmi.cif.as_string(value) if value else ""
    return " ".join(text.split()) if text not in ("?", ".") else ""


def _source(block: gemmi.cif.Block) -> str:
    """One line of citation from what the file offers."""
    codes = [
        f"{name} {_text(block, tag)}"
        for name, tag in (("COD", "_cod_database_code"), ("AMCSD", "_database_code_amcsd"))
        if _text(block, tag)
    ]
    journal = [_text(block, f"_journal_{part}") for part in ("name_full", "volume", "page_first")]
    year = _text(block, "_journal_year")
    cited = " ".join(part for part in journal if part) + (f" ({year})" if year else "")
    return "; ".join(part for part in [cited, *codes] if part) or _text(block, "_publ_section_references")


# --- the atoms --------------------------------------------------------------------------------------------------


def _is_there(site: gemmi.SmallStructure.Site, notes: list[str]) -> bool:
    """Whether a site is occupied at all."""
    if site.occ == 0:
        notes.append(f"site {site.label} of occupancy 0 left out")
    return bool(site.occ != 0)


def _site(
    block: gemmi.cif.Block, site: gemmi.SmallStructure.Site, expected: set[str], notes: list[str], where: str | Path
) -> Site:
    element = _element(site, expected, notes)
    if element is None:
        raise StructureError(f"{where}: atom '{site.label}' is of no known element: give its _atom_site_type_symbol")
    position = tuple(site.fract.tolist())
    if not np.isfinite(position).all():
        raise StructureError(f"{where}: atom '{site.label}' has no coordinates: give all three or remove it")
    occupancy = site.occ
    if not 0 < occupancy <= 1.0001:
        notes.append(f"occupancy {site.occ:g} of {site.label} taken as 1")
        occupancy = 1.0
    u_aniso = _u_aniso(site, notes)
    x, y, z = position
    return Site(site.label, element, (x, y, z), min(occupancy, 1.0), _u_iso(site, u_aniso, notes), u_aniso)


def _element(site: gemmi.SmallStructure.Site, expected: set[str], notes: list[str]) -> str | None:
    """The element of a site from its type symbol, else its label; the formula decides between Co and C."""
    for text in (site.type_symbol, site.label):
        letters = re.match(r"[A-Za-z]*", text).group()  # type: ignore[union-attr]
        if text.upper().startswith(_WATER_LABELS):
            notes.append(f"site {site.label} taken as the oxygen of a water molecule")
            return "O"
        known = [s for s in (letters[:2].capitalize(), letters[:1].upper()) if s and gemmi.Element(s).atomic_number]
        for symbol in [s for s in known if s in expected] or known:
            if symbol == "D":
                notes.append("deuterium taken and weighed as hydrogen")
                return "H"
            return symbol
    return None


def _put_uij_in_order(small: gemmi.SmallStructure, notes: list[str]) -> None:
    """Uij that were written row by row (11 12 13 22 23 33) under a heading 11 22 33 12 13 23 go where they belong.

    Some exports of the American Mineralogist database are such. It is believed only where the stated order makes an
    impossible ellipsoid, and that order possible ones of all.
    """
    moving = [site for site in small.sites if site.aniso.nonzero()]
    if all(_is_ellipsoid(site.aniso) for site in moving):
        return
    by_row = []
    for site in moving:
        u11, u12, u13, u22, u23, u33 = site.aniso.elements_pdb()
        by_row.append(gemmi.SMat33d(u11, u22, u33, u12, u13, u23))
    if not all(map(_is_ellipsoid, by_row)):
        return
    for site, aniso in zip(moving, by_row, strict=True):
        site.aniso = aniso
    notes.append("Uij were written in the order 11 12 13 22 23 33 under other headings, and are read so")


def _is_ellipsoid(aniso: gemmi.SMat33d) -> bool:
    eigenvalues = np.linalg.eigvalsh(np.array(aniso.as_mat33().tolist()))
    return bool(eigenvalues.min() > 0 and eigenvalues.mean() <= LARGEST_U)


def _u_iso(site: gemmi.SmallStructure.Site, u_aniso: tuple[float, ...] | None, notes: list[str]) -> float:
    if 0 < site.u_iso <= LARGEST_U:
        return float(site.u_iso)
    if u_aniso is not None:
        return float(np.mean(u_aniso[:3]))
    if site.u_iso:
        notes.append(f"U_iso {site.u_iso:g} Å² of {site.label} is not possible, {DEFAULT_U_ISO} Å² taken")
    return DEFAULT_U_ISO


def _u_aniso(
    site: gemmi.SmallStructure.Site, notes: list[str]
) -> tuple[float, float, float, float, float, float] | None:
    """The Uij where they are a real ellipsoid: public files hold scrambled columns and negative values."""
    if not site.aniso.nonzero():
        return None
    if _is_ellipsoid(site.aniso):
        return tuple(site.aniso.elements_pdb())  # type: ignore[return-value]
    instead = "U_iso" if 0 < site.u_iso <= LARGEST_U else f"the usual {DEFAULT_U_ISO} Å²"
    notes.append(f"Uij of {site.label} are no ellipsoid, {instead} is taken")
    return None


def _all_ellipsoids_or_none(sites: list[Site], small: gemmi.SmallStructure, notes: list[str]) -> list[Site]:
    """Isotropic sites where any ellipsoid of the file was found wrong: its columns are then scrambled for all."""
    stated = sum(site.aniso.nonzero() for site in small.sites if site.occ != 0)
    kept = [site for site in sites if site.u_aniso is not None]
    if not kept or len(kept) == stated:
        return sites
    notes.append(f"Uij of {', '.join(site.label for site in kept)} stand in the same table and are not used either")
    return [replace(site, u_aniso=None) for site in sites]


# --- the symmetry -----------------------------------------------------------------------------------------------


def _choose_symmetry(
    block: gemmi.cif.Block,
    small: gemmi.SmallStructure,
    cell: gemmi.UnitCell,
    sites: list[Site],
    notes: list[str],
    where: str | Path,
) -> tuple[_Symmetry, list[Site], dict[str, float]]:
    """The first statement of symmetry that gives a crystal that can be; its sites in place, and the cell's content.

    A symbol such as `I 41/a m d` names two origins and files do not say which: the wrong one doubles the atoms and
    crowds them. Where the contacts and the density rule out neither, the one with the wider contacts is taken.
    """
    candidates = _symmetry_candidates(block, small, notes)
    if not candidates:
        only = "".join(f" (it {note.partition(':')[0]})" for note in notes if note.endswith("without that"))
        raise StructureError(f"{where}: states no symmetry that is known{only}: give its operations or space group")
    rated: list[tuple[float, _Symmetry, list[Site], dict[str, float], list[str]]] = []
    faults: list[str] = []
    for symmetry in candidates:
        if rated and symmetry.statement != rated[0][1].statement:
            break
        mended: list[str] = []
        placed = [_on_special_position(site, symmetry, cell, mended) for site in sites]
        images = [_distinct(site, symmetry, cell) for site in placed]
        content = _cell_content(placed, images)
        contact, fault = _contact_and_fault(placed, images, symmetry, cell)
        fault = fault or _density_fault(content, cell, block)
        faults.append(fault or f"two atoms are only {contact:.2f} Å apart")
        if fault is None:
            rated.append((contact, symmetry, placed, content, mended))
    if not rated:
        raise StructureError(
            f"{where}: the atoms do not fit the symmetry ({faults[0]}): check space group and coordinates"
        )
    _, symmetry, placed, content, mended = max(rated, key=lambda entry: entry[0])
    if symmetry is not candidates[0]:
        notes.append(f"symmetry taken from {symmetry.origin}, since with {candidates[0].origin} {faults[0]}")
    notes.extend(mended)
    return symmetry, placed, content


def _symmetry_candidates(block: gemmi.cif.Block, small: gemmi.SmallStructure, notes: list[str]) -> list[_Symmetry]:
    """All statements of the file, the most explicit first."""
    found: list[_Symmetry] = []
    read = [_triplet(op) for op in small.symops]
    operations = list(dict.fromkeys(op for op in read if op is not None))
    named = _named_groups(block, small)
    symbol = small.spacegroup_hm or (named[0][0].hm if named else "?")
    if None not in read and (len(operations) > 1 or (operations and not named)):
        group_operations = _group_operations(operations, notes)
        if group_operations:
            found.append(_Symmetry(symbol, group_operations, "its list of operations"))
    for group, origin in named:
        found.append(_Symmetry(group.hm, tuple(op.triplet() for op in group.operations()), origin))
    return found


def _group_operations(triplets: list[str], notes: list[str]) -> tuple[str, ...]:
    """The operations of the group that a list names, with those that the list lacks; none where it names no group."""
    stated = [gemmi.Op(t) for t in ([] if "x,y,z" in triplets else ["x,y,z"]) + triplets]
    group, whole = gemmi.GroupOps(stated), gemmi.GroupOps(stated)
    try:
        whole.add_missing_elements()
    except RuntimeError:
        return ()
    centring = {tuple(shift) for shift in whole.cen_ops}
    sums = {tuple((i + j) % gemmi.Op.DEN for i, j in zip(a, b, strict=True)) for a in centring for b in centring}
    if sums != centring:
        return ()
    if len(list(whole)) != len(triplets):
        notes.append(f"the list of operations is no group: {len(triplets)} are stated, {len(list(whole))} were taken")
        group = whole
    return tuple(op.triplet() for op in group)


def _triplet(text: str) -> str | None:
    """The operation as gemmi writes it, None where the text is no operation of a crystal."""
    operation = _silent(gemmi.Op, text)
    if operation is None or abs(operation.det_rot()) != gemmi.Op.DEN**3:
        return None
    return operation.wrap().triplet()


def _named_groups(block: gemmi.cif.Block, small: gemmi.SmallStructure) -> list[tuple[gemmi.SpaceGroup, str]]:
    """Space groups by Hall symbol, Hermann-Mauguin symbol (each origin or axes it may mean), and number."""
    groups: list[tuple[gemmi.SpaceGroup, str]] = []
    if small.spacegroup_hall:
        ops = _silent(gemmi.symops_from_hall, small.spacegroup_hall)
        group = gemmi.find_spacegroup_by_ops(ops) if ops is not None else None
        if group:
            groups.append((group, "its Hall symbol"))
    symbol = small.spacegroup_hm
    if symbol:
        cell = small.cell
        group = gemmi.find_spacegroup_by_name(symbol, cell.alpha, cell.gamma)
        if group:
            groups += [(g, f"its symbol, {_setting(g)}") for g in _settings(group)]
    number = small.spacegroup_number
    if not groups and 1 <= number <= 230:
        groups += [(g, f"its number, {_setting(g)}") for g in _settings(gemmi.find_spacegroup_by_number(number))]
    return groups


def _settings(group: gemmi.SpaceGroup) -> list[gemmi.SpaceGroup]:
    """The group and its twins of the same symbol: other origin, or rhombohedral for hexagonal axes."""
    twins = [g for g in gemmi.spacegroup_table() if g.hm == group.hm and g.number == group.number]
    return [group, *(g for g in twins if g.ext != group.ext)]


def _setting(group: gemmi.SpaceGroup) -> str:
    return {"1": "origin 1", "2": "origin 2", "H": "hexagonal axes", "R": "rhombohedral axes"}.get(
        group.ext, "standard setting"
    )


def _silent(function: Callable[[str], Any], text: str) -> Any:
    try:
        return function(text)
    except (ValueError, RuntimeError):
        return None


def _images(position: NDArray[np.float64], symmetry: _Symmetry) -> NDArray[np.float64]:
    """All images of a position, not reduced to one cell, shape (operations, 3)."""
    return symmetry.rotations @ position + symmetry.translations


def _on_special_position(site: Site, symmetry: _Symmetry, cell: gemmi.UnitCell, notes: list[str]) -> Site:
    """Moves a site that lies within SNAP of a special position onto it, and drops Uij that its symmetry forbids."""
    centred, near = np.array(site.position), np.zeros(len(symmetry.triplets), dtype=bool)
    for _ in range(20):  # images that lay just beyond SNAP come within it as the site moves
        offsets = _images(centred, symmetry) - centred
        offsets -= np.round(offsets)
        before, near = near, np.linalg.norm(offsets @ _orthogonal(cell).T, axis=1) < SNAP
        shift = offsets[near].mean(axis=0)
        if (near == before).all() and np.abs(shift).max() < 1e-9:
            break
        centred = centred + shift
    if site.u_aniso is None:
        return Site(site.label, site.element, tuple(centred), site.occupancy, site.u_iso)
    beta = u_matrix(site.u_aniso, cell)
    images = np.array([r @ beta @ r.T for r in symmetry.rotations[near]])
    spread = np.abs(images - images.mean(axis=0)).max()
    if spread > 0.25 * np.abs(beta).max():
        notes.append(f"Uij of {site.label} break the symmetry of its position, the isotropic value is used")
        return Site(site.label, site.element, tuple(centred), site.occupancy, site.u_iso)
    return Site(site.label, site.element, tuple(centred), site.occupancy, site.u_iso, site.u_aniso)


def u_matrix(u_aniso: tuple[float, ...], cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """U on the (not normalised) axes of the cell in units of cell lengths squared: exp(-2π² hᵀ U h) for integer h."""
    u11, u22, u33, u12, u13, u23 = u_aniso
    matrix = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
    reciprocal = np.array(cell.reciprocal().parameters[:3])
    return matrix * np.outer(reciprocal, reciprocal)


def _orthogonal(cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """Matrix that takes fractional coordinates to Å."""
    return np.array(cell.orth.mat.tolist())


def _distinct(site: Site, symmetry: _Symmetry, cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """The distinct images of a site in one cell, shape (multiplicity, 3)."""
    images = _images(np.array(site.position), symmetry) % 1.0
    orthogonal = _orthogonal(cell)
    kept: list[NDArray[np.float64]] = []
    while len(images):
        offsets = images - images[0]
        offsets -= np.round(offsets)
        apart = np.square(offsets @ orthogonal.T).sum(axis=1) >= SNAP**2
        if not kept and apart[1:].all():
            return images  # a general position: no operation but the identity leaves the site where it is
        kept.append(images[0])
        images = images[apart]
    return np.array(kept)


def _contact_and_fault(
    sites: list[Site], images: list[NDArray[np.float64]], symmetry: _Symmetry, cell: gemmi.UnitCell
) -> tuple[float, str | None]:
    """Shortest distance in Å of two atoms (of hydrogen only where there is no other), and what makes this crystal
    impossible, or None.
    """
    axes = _orthogonal(cell)
    metric = axes.T @ axes
    turned = np.swapaxes(symmetry.rotations, 1, 2) @ metric @ symmetry.rotations
    if np.abs(turned - metric).max() > METRIC_TOLERANCE * metric.max():
        return 0.0, "the cell's lengths and angles do not have the symmetry"
    for site, atoms in zip(sites, images, strict=True):
        if (len(symmetry.triplets) % len(atoms)) != 0:
            return 0.0, f"atom {site.label} has {len(atoms)} images under {len(symmetry.triplets)} operations"
    # X-rays hardly see hydrogen, and refinements by X-rays put it anywhere
    seen = [i for i, site in enumerate(sites) if site.element != "H"] or list(range(len(sites)))
    occupancies = np.repeat([sites[i].occupancy for i in seen], [len(images[i]) for i in seen])
    contact = _shortest_contact(np.concatenate([images[i] for i in seen]), occupancies, cell)
    return contact, f"two full atoms are {contact:.2f} Å apart" if contact < SHORTEST_CONTACT else None


def _shortest_contact(atoms: NDArray[np.float64], occupancies: NDArray[np.float64], cell: gemmi.UnitCell) -> float:
    """Shortest distance in Å of two atoms that are there together (occupancies that sum above 1)."""
    shortest = np.inf
    orthogonal = _orthogonal(cell)
    for i in range(len(atoms) - 1):
        offsets = atoms[i + 1 :] - atoms[i]
        offsets -= np.round(offsets)
        together = occupancies[i + 1 :] + occupancies[i] > 1.05
        distances = np.linalg.norm(offsets @ orthogonal.T, axis=1)[together]
        shortest = min(shortest, distances.min(initial=np.inf))
    return float(shortest)


def _density_fault(content: dict[str, float], cell: gemmi.UnitCell, block: gemmi.cif.Block) -> str | None:
    stated = gemmi.cif.as_number(block.find_value("_exptl_crystal_density_diffrn") or "?")
    found = _mass(content) / cell.volume * 1.66053907
    if stated > 0 and not 0.6 < found / stated < 1.6:
        return f"the density comes out as {found:.2f} g/cm³ where {stated:.2f} is stated"
    if found > 25:
        return f"the density comes out as {found:.0f} g/cm³"
    return None


# --- the content ------------------------------------------------------------------------------------------------


def _cell_content(sites: list[Site], images: list[NDArray[np.float64]]) -> dict[str, float]:
    """Atoms of each element in the cell."""
    content: dict[str, float] = {}
    for site, atoms in zip(sites, images, strict=True):
        content[site.element] = content.get(site.element, 0.0) + site.occupancy * len(atoms)
    return content


def _mass(content: dict[str, float]) -> float:
    return sum(count * gemmi.Element(element).weight for element, count in content.items())


def _formula_of(content: dict[str, float]) -> str:
    return " ".join(f"{element}{count:g}" for element, count in sorted(content.items()))


def _cell_mass(content: dict[str, float], composition: dict[str, float], notes: list[str]) -> float:
    """Mass of the cell; elements of the formula that no site holds (mostly hydrogen) are added from the formula."""
    mass = _mass(content)
    common = [element for element in composition if element in content]
    missing = {element: n for element, n in composition.items() if element not in content}
    if not missing or not common:
        return mass
    units = float(np.median([content[element] / composition[element] for element in common]))
    added = {element: n * units for element, n in missing.items()}
    if _mass(added) > 0.5 * mass:  # the formula is of something else
        notes.append(f"the formula's {', '.join(missing)} stand on no site and were left out")
        return mass
    notes.append(f"no sites for {', '.join(missing)}: their mass is taken from the formula")
    return mass + _mass(added)
