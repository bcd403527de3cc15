"""Building a library of thousands of phases: once, in pieces that outlive a kill, and later only what is new."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from bragglens.crystal.cif import cif_content
from bragglens.crystal.library import Library
from bragglens.crystal.library_file import SUFFIX, LibraryFile, made_by, read_library_file, write_library_file
from bragglens.crystal.phase import Phase
from bragglens.crystal.provenance import MANIFEST, Origin, read_manifest, sha256
from bragglens.crystal.structure_file import SUFFIXES, is_structure, structures_in
from bragglens.errors import StructureError
from bragglens.schema import MisfitError, printable
from bragglens.simulate.built import Built, built_of
from bragglens.simulate.duplicates import groups, indistinguishable_lines, repeated
from bragglens.simulate.lines import Lines, check_lines, lines_in, lines_of, stack

PIECE = 64  # CIFs; a second or so of work, which is what a kill costs
LARGEST_CELL = 200_000.0  # Å³; the lines of a larger one take gigabytes
PARTS = SUFFIX + ".parts"

Tick = Callable[[int, int], object]


@dataclass(frozen=True)
class _Made:
    """What was made of a file: of each phase its block, '' where it is alone, and the phase and its lines."""

    blocks: tuple[str, ...]
    phases: tuple[Phase, ...]
    lines: tuple[Lines, ...]
    problems: tuple[str, ...] = ()


Known = dict[str, _Made]  # by the SHA-256 of the file


@dataclass(frozen=True)
class _Found:
    """A CIF of the folder: where in it, its SHA-256, and its row of the manifest."""

    file: str
    sha256: str
    origin: Origin | None


def build_library(
    folder: str | Path,
    path: str | Path,
    *,
    problems: Iterable[str] = (),
    executor: Executor | None = None,
    tick: Tick | None = None,
) -> Built:
    """Build a library of all CIFs and `.str` files in a folder and the folders in it, and write it to one file.

    What an earlier file of that name holds, or a killed build has left beside it, is used again for CIFs that are the
    same to the byte. However often it is killed, the file ends with the same bytes.

    Args:
        folder: of CIFs; rows of a `manifest.csv` beside them say where they come from.
        path: the file to write; `.library` is put behind its name where that is missing.
        problems: what is known to be left out already, one sentence each.
        executor: works on the pieces, each of 64 CIFs, where there is one; its processes must see the folder.
        tick: called with the pieces done and their number.

    Returns:
        What the file holds.

    Raises:
        StructureError: there is no such folder, no CIF in it, or none that can be read.
        BragglensError: the file cannot be written there.
    """
    folder, path = Path(folder), library_path(path)
    found, unread = _find(folder)
    known = _known(path)
    pieces = list(_pieces(found, known))
    for number, piece in enumerate((executor.map if executor else map)(partial(_make, folder), pieces)):
        _keep(piece, path, known, unread)
        if tick:
            tick(number + 1, len(pieces))
    content = _assemble(found, known, [*problems, *_problems(folder, found, known, unread)])
    write_library_file(content, path)
    shutil.rmtree(_parts(path), ignore_errors=True)
    return built_of(content)


def _keep(piece: tuple[Known, dict[str, str]], path: Path, known: Known, unread: dict[str, str]) -> None:
    """Write a finished piece beside the file, and add it to what is known."""
    made, refused = piece
    _write_part(made, _parts(path))
    known |= made
    unread |= refused


def _problems(folder: Path, found: list[_Found], known: Known, unread: dict[str, str]) -> list[str]:
    """One sentence for each file that cannot be read, then those of files of which some phases can.

    Raises:
        StructureError: no file can be read.
    """
    for one in found:
        if one.sha256 not in known:
            unread.setdefault(one.file, f"{one.file}: was changed while the library was built: build it again")
    partly = [problem for one in found if one.sha256 in known for problem in known[one.sha256].problems]
    told = [*(unread[file] for file in sorted(unread)), *partly]
    if not any(one.sha256 in known for one in found):
        raise StructureError(f"{folder}: none of its {len(unread)} files can be read; the first: {told[0]}")
    return told


def library_path(path: str | Path) -> Path:
    """The path with `.library` at its end."""
    path = Path(path)
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def _parts(path: Path) -> Path:
    """Where the finished pieces of a build lie until it is whole."""
    return path.with_name(path.stem + PARTS)


# --- what is there ----------------------------------------------------------------------------------------------


def _find(folder: Path) -> tuple[list[_Found], dict[str, str]]:
    """The CIFs in the order of their paths; one sentence for each that cannot be read, by file."""
    if not folder.is_dir():
        raise StructureError(f"{folder}: is not a folder: give the folder with the CIFs of your phases")
    files = sorted(file for file in folder.rglob("*") if is_structure(file))
    if not files:
        raise StructureError(f"{folder}: holds no {' or '.join(SUFFIXES)} file: put one for each phase there")
    found, unread = [], {}
    origins: dict[Path, dict[str, Origin]] = {}
    for file in files:
        place = file.relative_to(folder).as_posix()
        try:
            if file.parent not in origins:
                origins[file.parent] = {}  # so that a foreign manifest is told once
                origins[file.parent] = read_manifest(file.parent)
        except StructureError as error:
            unread[(file.parent / MANIFEST).relative_to(folder).as_posix()] = _told(error, folder)
        try:
            found.append(_Found(place, sha256(cif_content(file)), origins[file.parent].get(file.name)))
        except StructureError as error:
            unread[place] = _told(error, folder)
    return found, unread


def _told(error: StructureError, folder: Path) -> str:
    """The sentence without the way to the folder, so that the library does not depend on where that lies."""
    return str(error).removeprefix(f"{folder}{os.sep}")


def _known(path: Path) -> Known:
    """The phases that an earlier file or the pieces of a killed build hold."""
    known: Known = {}
    for file in (*sorted(_parts(path).glob("*.part")), path):
        try:
            content = read_library_file(file)
            lines = lines_in(content.tables, content.phases)
        except (StructureError, MisfitError):  # damaged, of another version, or not there: it is made anew
            continue
        if content.manifest.items() >= made_by().items():
            for place, (member, phase) in enumerate(zip(content.manifest["members"], content.phases, strict=True)):
                if "block" not in member:  # a file of several is made anew: what it lacked is not in the library
                    known[member["sha256"]] = _Made(("",), (phase,), (lines.of([place]),))
    return known


def _pieces(found: list[_Found], known: Known) -> Iterator[list[str]]:
    """The files that are not known, some at a time."""
    files = [one.file for one in found if one.sha256 not in known]
    for start in range(0, len(files), PIECE):
        yield files[start : start + PIECE]


# --- what is made of it -----------------------------------------------------------------------------------------


def _make(folder: Path, files: list[str]) -> tuple[Known, dict[str, str]]:
    """Phase and lines of each file, by its content; one sentence for each that cannot be, by file."""
    made: Known = {}
    refused = {}
    for file in files:
        try:
            content = cif_content(folder / file)
            made[sha256(content)] = _made(content, folder / file, folder)
        except StructureError as error:
            refused[file] = _told(error, folder)
    return made, refused


def _made(content: bytes, path: Path, folder: Path) -> _Made:
    """The phases of a file and their lines; a structure of several that has none is told."""
    held = structures_in(content, path)
    if len(held.phases) == 1 and not held.problems:
        return _Made(("",), held.phases, (_lines(held.phases[0], path),))
    rows, problems = [], list(held.problems)
    for block, phase in zip(held.blocks, held.phases, strict=True):
        try:
            rows.append((block, phase, _lines(phase, path)))
        except StructureError as error:
            problems.append(str(error))
    if not rows:
        raise StructureError(problems[0])
    blocks, phases, lines = zip(*rows, strict=True)
    return _Made(blocks, phases, lines, tuple(_told(StructureError(one), folder) for one in problems))


def _lines(phase: Phase, where: Path) -> Lines:
    if phase.volume > LARGEST_CELL:
        raise StructureError(f"{where}: its cell of {phase.volume:.0f} Å³ is too large for a library: leave it out")
    try:
        return check_lines(lines_of(phase), [phase])
    except Exception as error:  # a structure that nobody thought of must not stop thousands
        raise StructureError(f"{where}: its lines cannot be computed ({error!r}): check its cell and sites") from error


def _write_part(made: Known, parts: Path) -> None:
    alone = {key: one for key, one in made.items() if one.blocks == ("",)}
    if alone:
        digest = sha256("".join(sorted(alone)).encode())
        members = [{"name": str(place), "sha256": key} for place, key in enumerate(alone)]
        rows = [(replace(one.phases[0], name=str(place)), one.lines[0]) for place, one in enumerate(alone.values())]
        manifest = {"hash": digest, "problems": [], "groups": [], "members": members}
        write_library_file(_content(manifest, rows), parts / f"{digest[:16]}.part")


def _content(manifest: dict[str, Any], rows: Iterable[tuple[Phase, Lines]]) -> LibraryFile:
    rows = list(rows)
    return LibraryFile(manifest, tuple(phase for phase, _ in rows), vars(stack([lines for _, lines in rows])))


def _assemble(found: list[_Found], known: Known, problems: list[str]) -> LibraryFile:
    """The file's content, its phases in the order of their names."""
    readable = [
        (one, block, phase, lines)
        for one in found
        if one.sha256 in known
        for made in [known[one.sha256]]
        for block, phase, lines in zip(made.blocks, made.phases, made.lines, strict=True)
    ]
    names = _names([(one, phase.name if block else "") for one, block, phase, _ in readable])
    members = sorted(zip(names, readable, strict=True), key=lambda member: member[0])
    rows = [(replace(phase, name=name), lines) for name, (_, _, phase, lines) in members]
    phases = [phase for phase, _ in rows]
    pairs = indistinguishable_lines(stack([lines for _, lines in rows]))
    first = np.array(repeated(phases, pairs))
    kept = first == np.arange(len(phases))
    manifest = {
        "hash": Library(tuple(phases[i] for i in np.flatnonzero(kept))).hash,
        "problems": printable(problems),
        "groups": [
            [phases[i].name for i in group]
            for group in groups(pairs.of(kept[pairs.one] & kept[pairs.other]), len(phases))
        ],
        "members": [
            _member(name, one, block) | ({} if kept[i] else {"same_as": phases[first[i]].name})
            for i, (name, (one, block, _, _)) in enumerate(members)
        ],
    }
    return _content(manifest, rows)


def _member(name: str, one: _Found, block: str) -> dict[str, Any]:
    origin = {key: value for key, value in asdict(one.origin).items() if value and key != "file"} if one.origin else {}
    of_several = {"block": block} if block else {}
    origins = {"origin": origin} if origin else {}
    return printable({"name": name, "file": one.file, "sha256": one.sha256} | of_several | origins)


def _names(found: list[tuple[_Found, str]]) -> list[str]:
    """A name for each phase: its own where its file holds several, else the file's stem.

    Where that is taken, the folders that the file lies in stand before it, and a number behind it if need be.
    """
    names: dict[str, None] = {}
    for one, own in found:
        place = Path(printable(one.file))
        stem = own or place.stem
        choices = (stem, "_".join((*place.parent.parts, stem)))
        numbered = (f"{stem}_{number}" for number in count(2))
        names[next(name for name in chain(choices, numbered) if name not in names)] = None
    return list(names)
