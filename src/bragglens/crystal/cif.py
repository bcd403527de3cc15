"""CIF to Phase, robust against frequent errors in public structure files.

Every guess made here is recorded in `Phase.notes`, so that a user can see what was corrected.
Fields follow the CIF core dictionary (https://www.iucr.org/resources/cif/dictionaries/cif_core).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gemmi
import numpy as np

from bragglens.crystal.cif_syntax import OPERATIONS, BrokenStructureError, mended_cif
from bragglens.crystal.content import cell_mass, formula_of, stated_text, statements, volume_note
from bragglens.crystal.crystal_of_cif import Crystal, choose_crystal
from bragglens.crystal.displacements import DEFAULT_U_ISO as DEFAULT_U_ISO  # what the reader takes, for who asks it
from bragglens.crystal.displacements import all_ellipsoids_or_none
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import expected_reflections
from bragglens.crystal.sites import read_sites
from bragglens.errors import StructureError
from bragglens.files import read_bytes
from bragglens.plain import clean

_T = TypeVar("_T")
MAX_FILE_SIZE = 50 * 2**20  # bytes
FINEST = 0.9  # Å; Cu Kα reaches 118° there
MOST_REFLECTIONS = 200_000  # independent ones down to FINEST; they lie closer than any powder pattern resolves
_MAGNETIC = ("_space_group_magn", "_atom_site_moment", "_space_group_symop_magn")
_METHOD = tuple(f"_cod_{name}_method" for name in ("structure_determination", "struct_determination"))
_MODULATED = ("_space_group_ssg", "_cell_modulation", "_cell_wave_vector", "_space_group_symop_ssg")


def read_cif(path: str | Path) -> Phase:
    """Read the first complete structure of a CIF; a note says so if there are several.

    Args:
        path: the file; its stem becomes the phase's name.

    Returns:
        The phase, with a note for each correction.

    Raises:
        StructureError: the file is missing, damaged, or has no physically possible structure.
    """
    path = Path(path)
    return parse_cif(cif_content(path).decode("utf-8", errors="replace"), path.stem, where=path)


def cif_content(path: Path) -> bytes:
    """The text of the file.

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
        StructureError: the text is damaged, or has no physically possible structure.
    """
    return guarded(lambda: _phase(text, name, where), where)


def parse_structures(text: str, name: str, *, where: str | Path) -> tuple[list[tuple[str, Phase]], list[str]]:
    """Every structure of a CIF's text.

    Args:
        text: the CIF.
        name: of the phase; if there are several, the name of the block is appended, and a number if necessary.
        where: what a refusal begins with, such as the file.

    Returns:
        For each phase the name of its block ('' if there is only one) and the phase; one sentence for each block with
        atoms that cannot be read.

    Raises:
        StructureError: the text is damaged, or has no physically possible structure.
    """
    blocks = list(guarded(lambda: _with_atoms(_document(text, where, [])), where))
    if len(blocks) < 2:
        return [("", parse_cif(text, name, where=where))], []
    phases: list[tuple[str, Phase]] = []
    problems = []
    for block in blocks:
        one = name if block.name == name else f"{name}_{block.name}"
        place = f"{where} (data_{block.name})"
        try:
            phase = guarded(lambda block=block, one=one, place=place: _phase_of(block, one, place, []), place)  # type: ignore[misc]
            phases.append((block.name, phase))
        except StructureError as error:
            problems.append(str(error))
    if not phases:
        raise StructureError(f"{where}: none of its {len(blocks)} structures can be read; the first: {problems[0]}")
    return phases, problems


def guarded(read: Callable[[], _T], where: str | Path) -> _T:
    """The result of a reader.

    Raises:
        StructureError: in place of any exception.
    """
    try:
        return read()
    except StructureError as error:  # it may name what the file says
        raise StructureError(clean(str(error))) from error
    except Exception as error:  # a structure that nobody thought of must not stop a folder of others
        raise StructureError(f"{where}: cannot be read ({error!r}): check its cell, symmetry and sites") from error


def _phase(text: str, name: str, where: str | Path) -> Phase:
    notes: list[str] = []
    return _phase_of(_structure_block(_document(text, where, notes), where, notes), name, where, notes)


def _phase_of(block: gemmi.cif.Block, name: str, where: str | Path, notes: list[str]) -> Phase:
    notes += _left_aside(block)
    if _is_computed(block):
        notes.append("is computed, not measured: its cell may be some percent off")
    cell = _cell(block, where)
    small = _small_structure(block, where)
    stated = statements(block)
    sites = read_sites(block, small, stated.composition.keys(), notes, where)
    crystal = choose_crystal(small, cell, sites, stated, notes, where)
    _refuse_what_cannot_be_meant(crystal, cell, where)
    placed = all_ellipsoids_or_none(list(crystal.sites), small, notes)
    mass = cell_mass(crystal.content, stated.composition, notes)
    notes += [*crystal.comparison.contradictions.values(), volume_note(stated, cell.volume)]
    return Phase(
        name=name,
        formula=stated.formula or formula_of(crystal.content),
        space_group=crystal.symmetry.symbol,
        cell=tuple(cell.parameters),
        operations=crystal.symmetry.triplets,
        sites=tuple(placed),
        cell_mass=mass,
        source=_source(block),
        notes=tuple(dict.fromkeys(clean(note) for note in notes if note)),
    )


def _document(text: str, where: str | Path, notes: list[str]) -> gemmi.cif.Document:
    """The CIF, with correctable syntax errors corrected."""
    sound: gemmi.cif.Document | None = None
    reason = ""
    try:
        sound = gemmi.cif.read_string(text)
        if not any(map(_has_split_operations, sound)):
            return sound
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "not CIF syntax"
    try:
        mended, said = mended_cif(text)
        document = gemmi.cif.read_string(mended)
        if not any(block.find_value("_cell_length_a") for block in document):
            raise BrokenStructureError(reason)
    except (ValueError, RuntimeError) as error:
        if sound is not None:
            return sound
        why = str(error) if isinstance(error, BrokenStructureError) else reason
        raise StructureError(f"{where}: is damaged or no CIF ({why}): download the file again") from error
    notes.extend(said)
    return document


def _has_split_operations(block: gemmi.cif.Block) -> bool:
    """Whether operations such as `x, y, z` without quotes were read as several values."""
    return any(value.count(",") not in (0, 2) for tag in OPERATIONS for value in block.find_values(tag))


def _structure_block(document: gemmi.cif.Document, where: str | Path, notes: list[str]) -> gemmi.cif.Block:
    """The first block that has a cell and atoms, else the first that has a cell."""
    blocks = [block for block in document if block.find_value("_cell_length_a")]
    if not blocks and any(block.find_value("_cell.length_a") for block in document):
        raise StructureError(f"{where}: is a CIF of a macromolecule or CIF 2 (tags with a dot): use a core CIF")
    if not blocks:
        raise StructureError(f"{where}: has no unit cell: it is empty, cut short, or not a crystal structure")
    whole = _with_atoms(document)
    if len(whole) > 1:
        notes.append(f"holds {len(whole)} structures, the first is used (data_{whole[0].name})")
    return (whole or blocks)[0]


def _with_atoms(document: gemmi.cif.Document) -> list[gemmi.cif.Block]:
    """The blocks with a cell and atoms."""
    return [
        block
        for block in document
        if block.find_value("_cell_length_a") and len(block.find_values("_atom_site_fract_x"))
    ]


def _is_computed(block: gemmi.cif.Block) -> bool:
    """Whether COD marks a structure as theoretical."""
    return any(stated_text(block, tag).lower() == "theoretical" for tag in _METHOD)


def _left_aside(block: gemmi.cif.Block) -> list[str]:
    """Parts of a block that are not used: moments, modulation."""
    tags = [tag.lower() for tag in _tags(block)]
    kinds = ((_MAGNETIC, "magnetic: its moments are ignored"), (_MODULATED, "modulated: its modulation is ignored"))
    return [f"is {what}" for starts, what in kinds if any(t.startswith(starts) for t in tags)]


def _tags(block: gemmi.cif.Block) -> list[str]:
    """The tags of a block; the first one of a loop."""
    items: list[Any] = list(block)
    return [item.pair[0] if item.pair else item.loop.tags[0] for item in items if item.pair or item.loop]


def _small_structure(block: gemmi.cif.Block, where: str | Path) -> gemmi.SmallStructure:
    try:
        return gemmi.make_small_structure_from_block(block)
    except (ValueError, RuntimeError) as error:
        raise StructureError(f"{where}: is damaged ({error}): correct that entry or download the file again") from error


def _cell(block: gemmi.cif.Block, where: str | Path) -> gemmi.UnitCell:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    values = [gemmi.cif.as_number(block.find_value(f"_cell_{name}") or "?") for name in names]
    lengths, angles = values[:3], [90.0 if np.isnan(v) else v for v in values[3:]]
    good = all(0.5 < v < 500 for v in lengths) and all(10 < v < 170 for v in angles)
    cell = gemmi.UnitCell(*lengths, *angles) if good else None
    if cell is None or not 1 < cell.volume < 1e7:
        raise StructureError(f"{where}: the unit cell {values} is not possible: correct its lengths (Å) and angles (°)")
    return cell


def _refuse_what_cannot_be_meant(crystal: Crystal, cell: gemmi.UnitCell, where: str | Path) -> None:
    """Refuse sites that independent statements contradict, and cells too large for a powder pattern."""
    wrong = crystal.comparison.contradictions
    if {"formula", "multiplicity"} <= wrong.keys():
        raise StructureError(
            f"{where}: the sites are inconsistent ({'; '.join(wrong.values())}): compare the columns of its "
            "sites with the source"
        )
    number = expected_reflections(cell.volume, crystal.symmetry.triplets, FINEST)
    if number > MOST_REFLECTIONS:
        raise StructureError(
            f"{where}: its cell of {cell.volume:.0f} Å³ with {len(crystal.symmetry.triplets)} operations has "
            f"{number:.2g} independent reflections, more than a powder pattern resolves: give the smallest cell and "
            "its symmetry"
        )


def _source(block: gemmi.cif.Block) -> str:
    """One line of citation from the entries of the file."""
    codes = [
        f"{name} {stated_text(block, tag)}"
        for name, tag in (("COD", "_cod_database_code"), ("AMCSD", "_database_code_amcsd"))
        if stated_text(block, tag)
    ]
    journal = [stated_text(block, f"_journal_{part}") for part in ("name_full", "volume", "page_first")]
    year = stated_text(block, "_journal_year")
    cited = " ".join(part for part in journal if part) + (f" ({year})" if year else "")
    return "; ".join(part for part in [cited, *codes] if part) or stated_text(block, "_publ_section_references")
