"""Minerals and compounds of AMCSD from two packages, chosen as by `bragglens library minerals --compounds`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from record import Gathered, Record

from bragglens.crystal.amcsd import Entry, amcsd_database, read_amcsd
from bragglens.crystal.conditions import Conditions, conditions
from bragglens.crystal.minerals import gather_minerals
from bragglens.crystal.provenance import Origin, read_manifest

SOURCE = "AMCSD"
_AT = re.compile(r"\bat (?=[\d.]+\s*(?:K|C|GPa|kbar)\b)")
_USUAL = re.compile(r"room temperature|\b29[0-9]\s*K", re.IGNORECASE)
_EXTREME = 2  # of `conditions`: over 373 K, over 0.01 GPa, or computed


def amcsd(more: Iterable[Entry] = ()) -> Gathered:
    """One structure at usual conditions of each mineral and compound, and what the choice left out.

    The choice is among the entries of larixite's database and further ones from another package.
    """
    entries = {entry.code: entry for entry in read_amcsd(amcsd_database()[0])}
    further = [entry for entry in more if entry.code not in entries]
    entries |= {entry.code: entry for entry in further}
    found = Gathered()
    with tempfile.TemporaryDirectory() as place:
        gathered = gather_minerals(place, compounds=True, further=further)
        origins = read_manifest(Path(place))
        for file in gathered.files:
            _add(found, origins[file.name], file.read_text(), entries)
    for problem in gathered.problems:
        name, _, reason = problem.partition(": ")
        found.leave_out(name, SOURCE, reason)
    return found


def _add(found: Gathered, origin: Origin, cif: str, entries: dict[str, Entry]) -> None:
    entry = entries[origin.id]
    stated = conditions(entry.title, entry.specimen)
    name = Path(origin.file).stem
    if stated.distance >= _EXTREME or (stated.distance and (stated := _of_title(entry.title)).distance >= _EXTREME):
        found.leave_out(name, SOURCE, f"not of usual conditions: {stated.words}")
        return
    same = [entry, *(entries[code] for code in origin.others.split())]
    found.records.append(
        Record(
            name=name,
            cif=cif,
            source=SOURCE,
            number=entry.code,
            reference=origin.reference,
            papers=frozenset(paper(one.cif) for one in same),
            mineral=bool(entry.mineral),
            doubts="AMCSD remarks that something of the entry is wrong" if entry.doubted else "",
            chosen=origin.chosen,
        )
    )


def _of_title(title: str) -> Conditions:
    """The conditions of a paper whose title gives only these, `the structure of NaCl at 32 kbar`."""
    title = " ".join(title.split())
    at = None if _USUAL.search(title) else _AT.search(title)
    return conditions(f"\nNote: {title[at.end() :]}" if at else "")


def paper(cif: str) -> str:
    """Volume, first page and year of the paper, which identify it with any spelling of its journal."""
    items = (re.search(rf"^_journal_{part}\s+(\S+)", cif, re.M) for part in ("volume", "page_first", "year"))
    return " ".join(item[1].strip("'\"") if item else "?" for item in items)
