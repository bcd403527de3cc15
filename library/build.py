"""Build the built-in library: `python library/build.py`, in any folder, with bragglens and larixite installed.

The other sources are downloaded by pip and apt, or taken from `--packages`. The same sources give the same bytes. The
output is: the library, `missing.csv` (rows of the list of common phases that it lacks), `left_out.csv` (structures of
the sources that were left out), and the page of the documentation.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from aflow import aflow
from aflow import fetch as fetch_aflow
from amcsd import amcsd
from avogadro import avogadro
from avogadro import fetch as fetch_avogadro
from compounds import write_compounds
from larch import fetch as fetch_larch
from larch import larch
from listed import Coverage, Row, read_rows
from page import write_page
from record import Gathered, Record, merged
from scopes import plain_words, scopes
from selection import Chosen, read, select
from typed import SOURCE as TYPED
from typed import typed

from bragglens.crystal.library import Library
from bragglens.crystal.library_file import LibraryFile, write_library_file
from bragglens.crystal.provenance import sha256
from bragglens.schema import printable
from bragglens.simulate.duplicates import groups, indistinguishable_lines
from bragglens.simulate.lines import Lines

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parent / "src" / "bragglens" / "data" / "builtin.library"
LIST = HERE.parent / "tests" / "match" / "coverage.csv"


def main() -> None:
    """Build the library and print a summary."""
    started = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packages", type=Path, help="a folder that keeps what is downloaded and the lines")
    parser.add_argument("-o", "--output", type=Path, default=LIBRARY)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = arguments.packages or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        gathered = gather(folder)
        rows, lines = read(gathered, folder / "read.library")
    chosen = select(rows, lines, gathered)
    lines = lines.of([one.row for one in chosen])
    wanted = read_rows(LIST)
    chosen, marks, missing = listed(chosen, lines, wanted)
    order = sorted(range(len(chosen)), key=lambda place: chosen[place].phase.name)
    chosen, lines = [chosen[place] for place in order], lines.of(order)
    content = assembled(chosen, lines, marks)
    write_library_file(content, arguments.output)
    arguments.output.with_suffix(".sha256").write_text(sha256(arguments.output.read_bytes()) + "\n")
    if arguments.output.resolve() == LIBRARY:
        write_compounds()
    write_table(HERE / "missing.csv", ("name", "formula", "space_group", "missing"), missing)
    write_table(HERE / "left_out.csv", ("name", "source", "reason"), sorted(set(gathered.left_out)))
    write_page(content.manifest["members"], gathered, len(wanted), len(missing), arguments.output.stat().st_size)
    size, held = arguments.output.stat().st_size / 1e6, len(wanted) - len(missing)
    print(f"{len(chosen)} phases, {size:.1f} MB, {held} of {len(wanted)} listed phases held")
    print(f"{time.perf_counter() - started:.0f} s")


def gather(folder: Path) -> Gathered:
    """The records of all sources."""
    minerals = amcsd(larch(fetch_larch(folder)))
    return merged([typed(), minerals, aflow(fetch_aflow(folder)), avogadro(fetch_avogadro(folder))])


def listed(
    chosen: Sequence[Chosen], lines: Lines, wanted: Iterable[Row]
) -> tuple[list[Chosen], dict[str, set[str]], list[tuple[str, ...]]]:
    """The phases, compounds named as in the list; the lists that name a phase; the rows without a phase."""
    coverage = Coverage(Library(tuple(one.phase for one in chosen)), lines)
    names = {one.phase.name: one for one in chosen}
    marks: dict[str, set[str]] = {}
    called: dict[str, str] = {}
    missing = []
    for row in wanted:
        holding, why = coverage.holding(row)
        if not holding:
            missing.append((row.name, row.formula, row.space_group, why))
        for name in holding:
            marks.setdefault(name, set()).add(row.list)
        if row.list == "common" and holding and _unnamed(names[holding[0]].record):
            called.setdefault(holding[0], row.name)
    taken = [name.casefold() for name in (*names, *called.values())]
    called = {name: new for name, new in called.items() if taken.count(new.casefold()) == 1}
    renamed = [
        replace(one, phase=replace(one.phase, name=called.get(one.phase.name, one.phase.name))) for one in chosen
    ]
    return renamed, {called.get(name, name): lists for name, lists in marks.items()}, missing


def _unnamed(record: Record) -> bool:
    return not record.mineral and record.source != TYPED


def assembled(chosen: Sequence[Chosen], lines: Lines, marks: dict[str, set[str]]) -> LibraryFile:
    """The content of the library file."""
    phases = tuple(one.phase for one in chosen)
    manifest = {
        "hash": Library(phases).hash,
        "problems": [],
        "groups": [[phases[i].name for i in group] for group in groups(indistinguishable_lines(lines), len(phases))],
        "members": [_member(one, marks.get(one.phase.name, set())) for one in chosen],
    }
    return LibraryFile(manifest, phases, vars(lines))


def _member(one: Chosen, lists: set[str]) -> dict[str, object]:
    record, phase = one.record, one.phase
    origin = {
        "source": record.source,
        "id": record.number,
        "formula": phase.formula,
        "space_group": phase.space_group,
        "reference": plain_words(record.reference),
        "chosen": record.chosen,
        "scopes": " ".join(scopes(phase, mineral=record.mineral)),
        "papers": str(max(len(one.papers), 1)),
        "listed": " ".join(sorted(lists)),
        "doubts": record.doubts,
    }
    origin = {key: value for key, value in origin.items() if value}
    return printable({"name": phase.name, "sha256": sha256(record.cif.encode()), "origin": origin})


def write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows([plain_words(cell) for cell in row] for row in rows)


if __name__ == "__main__":
    main()
