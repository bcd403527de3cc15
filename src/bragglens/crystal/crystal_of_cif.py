"""The crystal of a CIF: the statement of symmetry that gives a possible crystal and agrees with the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import gemmi

from bragglens.crystal.content import Comparison, Statements, cell_content, compare, gross_density_fault
from bragglens.crystal.phase import Site
from bragglens.crystal.placement import (
    Images,
    contact_and_fault,
    distinct_images,
    fault_of_lattice,
    on_special_position,
    without_copies,
)
from bragglens.crystal.symmetry import Symmetry, contradiction, symmetry_candidates
from bragglens.errors import StructureError

MOST_ATOMS = 60_000  # in the cell; MIL-101, of the largest frameworks known, has some 15,000


@dataclass(frozen=True)
class Crystal:
    """One reading of a file.

    Attributes:
        symmetry: the one used.
        sites: on their special positions.
        content: atoms of each element in the cell.
        contact: shortest distance of two atoms in Å.
        comparison: of the content with the statements of the file.
        notes: the corrections made.
    """

    symmetry: Symmetry
    sites: tuple[Site, ...]
    content: Mapping[str, float]
    contact: float
    comparison: Comparison
    notes: tuple[str, ...]

    @property
    def is_meant(self) -> bool:
        """Whether no statement of the file contradicts it."""
        return not self.comparison.contradictions

    @property
    def doubt(self) -> str:
        """The strongest contradiction."""
        return next(iter(self.comparison.contradictions.values()), f"two atoms are only {self.contact:.2f} Å apart")


def choose_crystal(
    small: gemmi.SmallStructure,
    cell: gemmi.UnitCell,
    sites: Mapping[int, Site],
    stated: Statements,
    notes: list[str],
    where: str | Path,
) -> Crystal:
    """The first statement of symmetry that gives a possible crystal and agrees with the other statements.

    A symbol such as `I 41/a m d` has two origins, and files do not say which. The wrong one doubles the atoms at short
    distances. If distances, density and stated content exclude neither, the one with larger distances is used.

    Raises:
        StructureError: there is none.
    """
    candidates = symmetry_candidates(small, notes)
    if not candidates:
        only = "".join(f" (it {note.partition(':')[0]})" for note in notes if note.endswith(" ignored"))
        only = only or "".join(f" ({note})" for note in notes if note.startswith("the list of"))
        raise StructureError(f"{where}: states no known symmetry{only}: give its operations or space group")
    read: list[Crystal | str] = []
    first: Crystal | None = None
    for _, group in groupby(candidates, key=lambda candidate: candidate.statement):
        tried = [_crystal(symmetry, cell, sites, stated) for symmetry in group]
        read += tried
        able = [one for one in tried if isinstance(one, Crystal)]
        able = [one for one in able if not one.symmetry.doubtful or (one.is_meant and one.comparison.agreeing)]
        best = min(able, key=lambda one: (len(one.comparison.contradictions), -one.contact), default=None)
        if best and best.is_meant and (first is None or best.comparison.agreeing):
            first = best
            break
        first = first or best
    if first is None:
        raise StructureError(
            f"{where}: the atoms do not fit the symmetry ({read[0] if isinstance(read[0], str) else read[0].doubt}): "
            "check space group and coordinates"
        )
    if first.symmetry is not candidates[0]:
        why = read[0] if isinstance(read[0], str) else read[0].doubt
        notes.append(f"symmetry taken from {first.symmetry.origin}, since with {candidates[0].origin} {why}")
    disagreement = contradiction(first.symmetry, small)
    notes.extend([*first.notes, *([disagreement] if disagreement else [])])
    return first


def _crystal(symmetry: Symmetry, cell: gemmi.UnitCell, sites: Mapping[int, Site], stated: Statements) -> Crystal | str:
    """The crystal with this symmetry, or why it is impossible."""
    fault = fault_of_lattice(symmetry, cell)
    if fault:
        return fault
    notes: list[str] = []
    placed = {row: on_special_position(site, symmetry, cell, notes) for row, site in sites.items()}
    images = [distinct_images(site, symmetry, cell) for site in placed.values()]
    whole = _assembled(symmetry, cell, placed, images, stated, notes)
    if isinstance(whole, Crystal) and whole.is_meant:
        return whole
    kept = without_copies(list(placed.values()), images, cell)
    if len(kept) == len(placed):
        return whole
    rows = list(placed)
    once = {rows[i]: placed[rows[i]] for i in kept}
    copies = [placed[row].label for row in rows if row not in once]
    listed = f"{', '.join(copies[:5])}{', ...' if len(copies) > 5 else ''}"
    note = f"{len(copies)} symmetry-equivalent atoms are listed too and used once: {listed}"
    merged = _assembled(symmetry, cell, once, [images[i] for i in kept], stated, [*notes, note])
    better = isinstance(merged, Crystal) and (isinstance(whole, str) or merged.is_meant)
    return merged if better else whole


def _assembled(
    symmetry: Symmetry,
    cell: gemmi.UnitCell,
    sites: Mapping[int, Site],
    images: Images,
    stated: Statements,
    notes: list[str],
) -> Crystal | str:
    """The crystal of sites and their images, or why it is impossible."""
    counts = [len(atoms) for atoms in images]
    if sum(counts) > MOST_ATOMS:
        return f"the cell would have {sum(counts)} atoms, more than {MOST_ATOMS}"
    placed = tuple(sites.values())
    contact, fault = contact_and_fault(placed, images, symmetry, cell)
    elements = [site.element for site in placed]
    content = cell_content(elements, [site.occupancy * n for site, n in zip(placed, counts, strict=True)])
    fault = fault or gross_density_fault(content, stated, cell.volume)
    if fault:
        return fault
    found = dict(zip(sites, counts, strict=True))
    comparison = compare(content, found, len(symmetry.triplets), stated, cell.volume)
    return Crystal(symmetry, placed, content, contact, comparison, tuple(notes))
