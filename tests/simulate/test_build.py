"""Built libraries: the same bytes in every way of building, incremental builds, duplicates and look-alikes."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from typer.testing import CliRunner

from bragglens.cli.app import app
from bragglens.crystal.cif_text import write_cif
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.library_file import read_library_file
from bragglens.crystal.phase import Phase, Site
from bragglens.errors import StructureError
from bragglens.simulate import build
from bragglens.simulate.build import build_library
from bragglens.simulate.built import read_built
from bragglens.simulate.duplicates import groups, indistinguishable_lines, repeated
from bragglens.simulate.lines import Lines, lines_of, lines_of_phases
from bragglens.simulate.similarity import indistinguishable_pairs

TITANIA = Path(str(files("bragglens") / "data" / "titania"))
PAGE = "<html>404 Not Found</html>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Titania in subfolders as in COD's mirror, and a page that is no CIF."""
    folder = tmp_path / "cifs"
    shutil.copytree(TITANIA, folder / "9" / "01")
    (folder / "page.cif").write_text(PAGE)
    return folder


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the phases whose lines are computed."""
    names: list[str] = []

    def noted(phase: Any) -> Lines:
        names.append(phase.name)
        return lines_of(phase)

    monkeypatch.setattr(build, "lines_of", noted)
    return names


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- content ----------------------------------------------------------------------------------------------------


def test_a_built_library_holds_the_phases_of_the_folder_and_their_lines(folder: Path, titania: Library) -> None:
    built = build_library(folder, folder.parent / "lib")
    again = read_built(folder.parent / "lib.library")
    assert again.library == built.library
    assert read_library(folder.parent / "lib.library") == built.library
    assert built.library.phases == titania.phases
    assert again.hash == titania.hash
    assert np.array_equal(again.lines.d, lines_of_phases(titania).d)
    assert np.array_equal(again.lines.strength, lines_of_phases(titania).strength)
    (problem,) = built.library.problems
    assert problem.startswith("page.cif: is damaged or no CIF")


def test_file_and_origin_of_each_phase_are_stated(folder: Path) -> None:
    place = folder / "9" / "01"
    sha = digest(place / "rutile.cif")
    (place / "manifest.csv").write_text(
        f"file,source,id,revision,url,date,sha256,formula,space_group,reference,chosen,others\n"
        f"rutile.cif,COD,9015662,,,,{sha},,,,,\n"
    )
    members = {member["name"]: member for member in build_library(folder, folder.parent / "lib").members}
    assert members["rutile"] == {
        "name": "rutile",
        "file": "9/01/rutile.cif",
        "sha256": sha,
        "origin": {"source": "COD", "id": "9015662", "sha256": sha},
    }
    assert "origin" not in members["anatase"]


def test_files_of_one_name_get_different_names_and_an_unreadable_manifest_is_a_problem(
    folder: Path, titania: Library
) -> None:
    swapped = {"anatase": "rutile", "rutile": "anatase"}
    for name, other in swapped.items():
        (folder / "other").mkdir(exist_ok=True)
        shutil.copy(folder / "9" / "01" / f"{name}.cif", folder / "other" / f"{other}.cif")
    (folder / "other" / "manifest.csv").write_text("my,own,table\n1,2,3\n")
    built = build_library(folder, folder.parent / "lib")
    assert built.same == {"other_anatase": "rutile", "other_rutile": "anatase"}
    assert built.library.names == titania.names
    assert any("other/manifest.csv: is not a manifest of bragglens" in problem for problem in built.library.problems)


# --- incremental, interrupted and parallel builds ---------------------------------------------------------------


def test_an_incremental_build_computes_only_new_phases_and_gives_the_bytes_of_a_full_build(
    folder: Path, computed: list[str]
) -> None:
    path, place = folder.parent / "lib.library", folder / "9" / "01"
    build_library(folder, path)
    assert len(computed) == 5
    computed.clear()
    (place / "rutile.cif").write_text((place / "rutile.cif").read_text() + "\n# edited\n")
    (place / "anatase.cif").rename(folder / "Moved.cif")
    (place / "brookite.cif").unlink()
    build_library(folder, path)
    assert computed == ["rutile"]
    build_library(folder, folder.parent / "fresh")
    assert digest(path) == digest(folder.parent / "fresh.library")


def test_the_pieces_of_an_interrupted_build_are_used(
    folder: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "PIECE", 2)
    whole, path = folder.parent / "whole", folder.parent / "lib.library"
    build_library(folder, whole)
    computed.clear()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_library(folder, path, tick=stop)
    parts = folder.parent / "lib.library.parts"
    assert len(computed) == len(list(parts.glob("*.part"))) * 2 == 2
    assert not path.exists()
    (parts / "damaged.part").write_bytes(b"PK\3\4 cut")
    build_library(folder, path)
    assert len(computed) == 5
    assert digest(path) == digest(folder.parent / "whole.library")
    assert not parts.exists()


KILLED = """
import os, signal, sys, threading
from bragglens.simulate import build
build.PIECE = 5

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def tick(done, total):
    if done == int(sys.argv[3]):
        threading.Timer(0.01 * done, kill).start()  # amid a later piece
    if done == total:
        kill()

build.build_library(sys.argv[1], sys.argv[2], tick=tick)
"""


def test_a_build_killed_at_random_ends_with_the_same_bytes(tmp_path: Path, titania: Library) -> None:
    cifs = tmp_path / "cifs"
    cifs.mkdir()
    for number in range(12):
        for phase in titania:
            text = (TITANIA / f"{phase.name}.cif").read_text()
            (cifs / f"{phase.name}_{number}.cif").write_text(f"{text}\n# {number}\n")
    build_library(cifs, tmp_path / "whole")
    for pieces in (3, 4):
        command = [sys.executable, "-c", KILLED, str(cifs), str(tmp_path / "lib"), str(pieces)]
        assert subprocess.run(command).returncode == -signal.SIGKILL
        assert len(list((tmp_path / "lib.library.parts").glob("*.part"))) >= pieces
    build_library(cifs, tmp_path / "lib")
    assert digest(tmp_path / "lib.library") == digest(tmp_path / "whole.library")
    assert {path.name for path in tmp_path.iterdir()} == {"cifs", "whole.library", "lib.library"}


class Backwards(Executor):
    """An executor that does the last piece first."""

    def submit(self, work: Any, /, *args: Any, **named: Any) -> Future[Any]:
        raise NotImplementedError

    def map(self, work: Any, *each: Any, **named: Any) -> Any:
        done = [work(*piece) for piece in reversed(list(zip(*each, strict=True)))]
        return reversed(done)


@pytest.mark.parametrize("executor", [ThreadPoolExecutor(2), Backwards()], ids=["threads", "backwards"])
def test_the_bytes_do_not_depend_on_the_executor(
    folder: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "PIECE", 2)
    build_library(folder, folder.parent / "alone")
    with executor:
        build_library(folder, folder.parent / "spread", executor=executor)
    assert digest(folder.parent / "alone.library") == digest(folder.parent / "spread.library")


# --- refusals ---------------------------------------------------------------------------------------------------


def test_an_unexpected_structure_does_not_stop_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(phase: Any) -> Lines:
        if phase.name == "rutile":
            raise ZeroDivisionError("odd")
        return lines_of(phase)

    monkeypatch.setattr(build, "lines_of", odd)
    text = (TITANIA / "anatase.cif").read_text()
    (folder / "huge.cif").write_text(text.replace("_cell_length_c", "_cell_length_c 90000\n_old"))
    built = build_library(folder, folder.parent / "lib")
    assert len(built.library) == 4
    problems = " ".join(built.library.problems)
    assert "rutile.cif: its lines cannot be computed (ZeroDivisionError('odd'))" in problems
    assert "huge.cif: " in problems


def test_a_folder_without_structures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="is not a folder"):
        build_library(tmp_path / "none", tmp_path / "lib")
    with pytest.raises(StructureError, match=r"holds no \.cif or \.str file"):
        build_library(tmp_path, tmp_path / "lib")
    (tmp_path / "page.cif").write_text(PAGE)
    with pytest.raises(StructureError, match=r"none of its 1 files can be read; the first: page\.cif: is damaged"):
        build_library(tmp_path, tmp_path / "lib")


def test_a_foreign_damaged_or_newer_file_is_refused_in_one_sentence(folder: Path) -> None:
    path = folder.parent / "lib.library"
    with pytest.raises(StructureError, match="no such library"):
        read_library(path)
    build_library(folder, path)
    whole = path.read_bytes()
    for damaged in (b"", b"data_x", whole[:-40], whole[:200] + bytes(50) + whole[250:]):
        path.write_bytes(damaged)
        with pytest.raises(StructureError, match="is not a library of bragglens, or incomplete"):
            read_library(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", '{"format": 99}')
    with pytest.raises(StructureError, match="is of library format 99"):
        read_library(path)
    build_library(folder, path)  # an unreadable file is built again
    assert path.read_bytes() == whole


# --- duplicates and look-alikes ---------------------------------------------------------------------------------


def turned(phase: Phase, *, name: str) -> Phase:
    """The same crystal with c as its first axis, and every atom listed in P 1."""
    a, b, c, alpha, beta, gamma = phase.cell
    atoms = {
        (site.element, *(round(x % 1, 6) for x in gemmi.Op(triplet).apply_to_xyz(list(site.position))))
        for site in phase.sites
        for triplet in phase.operations
    }
    sites = tuple(Site(f"{e}{n}", e, (z, x, y), 1.0, 0.006) for n, (e, x, y, z) in enumerate(sorted(atoms)))
    cell = (c, a, b, gamma, alpha, beta)
    return replace(phase, name=name, space_group="P 1", operations=("x,y,z",), cell=cell, sites=sites)


def test_a_duplicate_in_another_cell_and_with_another_name_is_left_out(tmp_path: Path, titania: Library) -> None:
    folder = tmp_path / "cifs"
    shutil.copytree(TITANIA, folder)
    rutile = next(phase for phase in titania if phase.name == "rutile")
    for name, strain in {"rutile_again": 1.0003, "warm_rutile": 1.002, "O2Ti": 1.0}.items():
        a, b, c, *angles = rutile.cell
        cell = (a * strain, b * strain, c * strain, *angles)
        write_cif(replace(rutile, name=name, cell=cell), folder / f"{name}.cif")
    write_cif(turned(rutile, name="rutile_turned"), folder / "rutile_turned.cif")
    built = build_library(folder, tmp_path / "lib")
    assert built.same == {"O2Ti": "rutile", "rutile_again": "rutile", "rutile_turned": "rutile"}
    assert "warm_rutile" in built.library.names
    assert ("rutile", "warm_rutile") in built.groups
    assert len(read_library_file(tmp_path / "lib.library").phases) == 9


def test_look_alikes_are_those_of_rendered_patterns(shared: Path) -> None:
    phases = read_library(shared / "phases" / "oxides").phases
    names = [phase.name for phase in phases]
    rendered = {frozenset(pair[:2]): pair[2] for pair in indistinguishable_pairs(phases, threshold=0.8)}
    pairs = indistinguishable_lines(lines_of_phases(phases), threshold=0.8)
    lined = {
        frozenset((names[i], names[j])): likeness
        for i, j, likeness in zip(pairs.one, pairs.other, pairs.likeness, strict=True)
    }
    sure = {pair for pair, likeness in rendered.items() if likeness > 0.85}
    assert sure <= set(lined)
    assert all(lined[pair] == pytest.approx(rendered[pair], abs=0.03) for pair in sure)


def test_similarity_is_not_transitive(titania: Library) -> None:
    lines = lines_of_phases(titania)
    strained = [
        Lines((lines.d[:1] * (1 + 0.002 * n)).astype(np.float32), lines.strength[:1], lines.whole[:1]) for n in range(6)
    ]
    chain = Lines(*(np.concatenate([getattr(one, name) for one in strained]) for name in ("d", "strength", "whole")))
    pairs = indistinguishable_lines(chain)
    linked = {(i, j) for i, j in zip(pairs.one.tolist(), pairs.other.tolist(), strict=True)}
    assert all((i, i + 1) in linked for i in range(5))
    assert (0, 5) not in linked
    found = groups(pairs, 6)
    assert all((min(group[0], i), max(group[0], i)) in linked for group in found for i in group[1:])
    assert len(found) > 1
    assert repeated([titania.phases[0]] * 6, pairs)[5] != 0


# --- the command ------------------------------------------------------------------------------------------------


def test_the_command_lists_the_first_duplicates_and_all_on_request(folder: Path, tmp_path: Path) -> None:
    for number in range(5):
        (folder / f"zcopy{number}.cif").write_text((TITANIA / "rutile.cif").read_text())
    words = ["library", "build", str(folder), "-o", str(tmp_path / "my.library")]
    done = CliRunner().invoke(app, words)
    first = "zcopy0 as rutile, zcopy1 as rutile, zcopy2 as rutile"
    assert f"5 structures repeat others and are kept once: {first}, ...; --verbose lists them all" in done.stderr
    assert "zcopy4" not in done.stderr
    assert "5 duplicates" in done.stdout
    whole = CliRunner().invoke(app, [*words, "--verbose"])
    assert [line for line in whole.stderr.splitlines() if "is a duplicate of" in line] == [
        f"zcopy{number}: is a duplicate of rutile" for number in range(5)
    ]


def test_the_command_reports_the_build_and_the_file_can_replace_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "copy.cif").write_text((TITANIA / "rutile.cif").read_text())
    path = tmp_path / "my.library"
    done = CliRunner().invoke(app, ["library", "build", str(folder), "-o", str(path)])
    assert done.exit_code == 0
    assert "left out: page.cif: is damaged" in done.stderr
    assert "rutile: is a duplicate of copy" in done.stderr
    assert "5 phases" in done.stdout
    other = path.with_name("shared.library")
    assert CliRunner().invoke(app, ["library", "build", str(folder), "-o", str(other), "--workers", "2"]).exit_code == 0
    assert other.read_bytes() == path.read_bytes()
    refused = CliRunner().invoke(app, ["library", "build", str(folder), "-o", str(path), "--compounds"])
    assert refused.exit_code == 2
    shown = CliRunner().invoke(app, ["simulate", str(path), "--plot", str(tmp_path / "plot.png")])
    assert shown.exit_code == 0, shown.output
