"""Record: one structure of a source, before it is known whether the library keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PREFERENCE = ("typed", "AMCSD", "AFLOW", "Avogadro")
"""Sources, the better first: the table is of what the packages lack or have worse."""


@dataclass(frozen=True)
class Record:
    """A structure and what its source says of it.

    Attributes:
        name: that it gets in the library if no other has it.
        cif: its text.
        source: short name, a row of the table of sources.
        number: under which the source has it.
        reference: to the paper.
        papers: of this phase in the source, one string each, so that a paper of two sources counts once.
        mineral: whether the source calls it a mineral.
        doubts: what is not certain about it.
        chosen: why this structure, where there was a choice.
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
        """Place of the source among `PREFERENCE`."""
        return PREFERENCE.index(self.source)


@dataclass
class Gathered:
    """What a source gave: records in order, and rows (name, source, reason) of what was left out."""

    records: list[Record] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)

    def leave_out(self, name: str, source: str, reason: str) -> None:
        """Note a structure that the library does without."""
        self.left_out.append((name, source, reason))


def merged(parts: Iterable[Gathered]) -> Gathered:
    """All of them, in their order."""
    parts = list(parts)
    return Gathered([r for part in parts for r in part.records], [row for part in parts for row in part.left_out])
