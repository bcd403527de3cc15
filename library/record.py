"""Record: one structure of a source, before the selection for the library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PREFERENCE = ("typed", "AMCSD", "AFLOW", "Avogadro")
"""Sources, the better first: the table is of what the packages lack or have worse."""


@dataclass(frozen=True)
class Record:
    """A structure and its description in the source.

    Attributes:
        name: its name in the library, if no other has it.
        cif: its text.
        source: short name, as in the table of sources.
        number: its number in the source.
        reference: citation of the paper.
        papers: papers about this phase in the source, one string each, so that a paper in two sources counts once.
        mineral: whether the source calls it a mineral.
        doubts: doubts about it.
        chosen: why this structure was chosen, if there was a choice.
    """

    name: str
    cif: str
    source: str
    number: str
    reference: str
    papers: frozenset[str] = frozenset()
    mineral: bool = False
    doubts: str = ""
    chosen: str = ""

    @property
    def source_order(self) -> int:
        """Rank of the source in `PREFERENCE`."""
        return PREFERENCE.index(self.source)


@dataclass
class Gathered:
    """Records of a source in order, and rows (name, source, reason) of structures left out."""

    records: list[Record] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)

    def leave_out(self, name: str, source: str, reason: str) -> None:
        """Record a structure that is left out of the library."""
        self.left_out.append((name, source, reason))


def merged(parts: Iterable[Gathered]) -> Gathered:
    """All of them in order."""
    parts = list(parts)
    return Gathered([r for part in parts for r in part.records], [row for part in parts for row in part.left_out])
