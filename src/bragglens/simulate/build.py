"""Build a library of thousands of phases. An interrupted build continues, and a later build adds only what is new."""

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

PIECE = 64  # CIFs; about a second of work, which is lost when the build is killed
LARGEST_CELL = 200_000.0  # Å³; the lines of a larger one take gigabytes
PARTS = SUFFIX + ".parts"

Tick = Callable[[int, int], object]


@dataclass(frozen=True)
class _Made:
    """The phases of one file, each with its lines and block name. The name is '' if the file has only one block."""

    blocks: tuple[str, ...]
    phases: tuple[Phase, ...]
    lines: tuple[Lines, ...]
    problems: tuple[str, ...] = ()


Known = dict[str, _Made]  # by the SHA-256 of the file


@dataclass(frozen=True)
class _Found:
    """A structure file of the folder: its path in the folder, its SHA-256, and its row of the manifest."""

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
    """Build a library of all CIFs and `.str` files in a folder and its subfolders, and write it to one file.

    An earlier file of the same name, or the pieces of a killed build, are used again for all CIFs that are unchanged
    (same bytes). The resulting file has the same bytes, however often the build was interrupted.

    Args:
        folder: folder of CIFs. The rows of a `manifest.csv` in it say where the files come from.
        path: the file to write. The suffix `.library` is added if it is missing.
        problems: what was already left out, one sentence each.
        executor: works on the pieces of 64 CIFs each, if one is given. Its processes must see the folder.
        tick: called with the number of finished pieces and the number of all pieces.

    Returns:
        The content of the file.

    Raises:
        StructureError: the folder does not exist, has no CIF, or none that can be read.
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
    """Write a finished piece next to the file, and add it to the known phases."""
    made, refused = piece
    _write_part(made, _parts(path))
    known |= made
    unread |= refused


def _problems(folder: Path, found: list[_Found], known: Known, unread: dict[str, str]) -> list[str]:
    """One sentence for each file that cannot be read, then the problems of files that can be read in part.

    Raises:
        StructureError: no file can be read.
    """
    for one in found:
        if one.sha256 not in known:
            unread.setdefault(one.file, f"{one.file}: was changed while the library was built: build it again")
    partly = [problem for one in found if one.sha256 in known for problem in known[one.sha256].problems]
    messages = [*(unread[file] for file in sorted(unread)), *partly]
    if not any(one.sha256 in known for one in found):
        raise StructureError(f"{folder}: none of its {len(unread)} files can be read; the first: {messages[0]}")
    return messages


def library_path(path: str | Path) -> Path:
    """The path with the suffix `.library`."""
    path = Path(path)
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def _parts(path: Path) -> Path:
    """Folder of the finished pieces of an incomplete build."""
    return path.with_name(path.stem + PARTS)


# --- the files of the folder ------------------------------------------------------------------------------------


def _find(folder: Path) -> tuple[list[_Found], dict[str, str]]:
    """The structure files in the order of their paths, and one sentence by file for each that cannot be read."""
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
                origins[file.parent] = {}  # an unreadable manifest is reported once
                origins[file.parent] = read_manifest(file.parent)
        except StructureError as error:
            unread[(file.parent / MANIFEST).relative_to(folder).as_posix()] = _message(error, folder)
        try:
            found.append(_Found(place, sha256(cif_content(file)), origins[file.parent].get(file.name)))
        except StructureError as error:
            unread[place] = _message(error, folder)
    return found, unread


def _message(error: StructureError, folder: Path) -> str:
    """The message without the path of the folder. The library then does not depend on where the folder is."""
    return str(error).removeprefix(f"{folder}{os.sep}")


def _known(path: Path) -> Known:
    """The phases in an earlier file and in the pieces of a killed build."""
    known: Known = {}
    for file in (*sorted(_parts(path).glob("*.part")), path):
        try:
            content = read_library_file(file)
            lines = lines_in(content.tables, content.phases)
        except (StructureError, MisfitError):  # damaged, of another version, or missing: computed again
            continue
        if content.manifest.items() >= made_by().items():
            for place, (member, phase) in enumerate(zip(content.manifest["members"], content.phases, strict=True)):
                if "block" not in member:  # else it is read again, as its problems are not stored
                    known[member["sha256"]] = _Made(("",), (phase,), (lines.of([place]),))
    return known


def _pieces(found: list[_Found], known: Known) -> Iterator[list[str]]:
    """The files that are not known yet, in pieces of PIECE files."""
    files = [one.file for one in found if one.sha256 not in known]
    for start in range(0, len(files), PIECE):
        yield files[start : start + PIECE]


# --- phases and lines -------------------------------------------------------------------------------------------


def _make(folder: Path, files: list[str]) -> tuple[Known, dict[str, str]]:
    """Phases and lines of each file, by the SHA-256 of its content, and one sentence by file for each that fails."""
    made: Known = {}
    refused = {}
    for file in files:
        try:
            content = cif_content(folder / file)
            made[sha256(content)] = _made(content, folder / file, folder)
        except StructureError as error:
            refused[file] = _message(error, folder)
    return made, refused


def _made(content: bytes, path: Path, folder: Path) -> _Made:
    """The phases of a file and their lines. A phase without lines among several becomes a problem in the result."""
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
    return _Made(blocks, phases, lines, tuple(_message(StructureError(one), folder) for one in problems))


def _lines(phase: Phase, where: Path) -> Lines:
    if phase.volume > LARGEST_CELL:
        raise StructureError(f"{where}: its cell of {phase.volume:.0f} Å³ is too large for a library: leave it out")
    try:
        return check_lines(lines_of(phase), [phase])
    except Exception as error:  # an unexpected structure must not stop a build of thousands
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
    """The content of the file, with the phases in the order of their names."""
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
    """A name for each phase: its own if its file holds several, else the stem of the file name.

    If the name is already taken, the folders of the file are put before it, and a number after it if necessary.
    """
    names: dict[str, None] = {}
    for one, own in found:
        place = Path(printable(one.file))
        stem = own or place.stem
        choices = (stem, "_".join((*place.parent.parts, stem)))
        numbered = (f"{stem}_{number}" for number in count(2))
        names[next(name for name in chain(choices, numbered) if name not in names)] = None
    return list(names)
