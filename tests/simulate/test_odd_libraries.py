"""Library files with one wrong field or number: each is refused in one sentence."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_json import edited

from bragglens.crystal.library import read_library
from bragglens.errors import BragglensError, StructureError
from bragglens.match.catalogue import read_catalogue
from bragglens.simulate.build import build_library

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The members of the library file of the five titania phases."""
    path = tmp_path_factory.mktemp("library") / "titania.library"
    build_library(str(files("bragglens") / "data" / "titania"), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def outcome(path: Path) -> str:
    """The sentence that refuses a library, or '' if it can be searched."""
    try:
        catalogue = read_catalogue(path)
    except BragglensError as error:
        return str(error)
    assert catalogue.library.names
    assert catalogue.library.hash
    assert np.isfinite(catalogue.reference_lines.height).all()
    assert (catalogue.reference_lines.height.max(axis=1) == 1).all()
    return ""


def npy(table: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, table)
    return stream.getvalue()


def test_edits_of_json(members: Members, tmp_path: Path) -> None:
    random = np.random.default_rng(17)
    path, refused = tmp_path / "odd.library", []
    for number in range(200):
        member = ("manifest.json", "phases.json")[number % 2]
        odd = json.dumps(edited(json.loads(members[member]), random)).encode()
        if said := outcome(write(path, members | {member: odd})):
            refused.append(said)
    assert len(refused) > 100
    assert all(said.startswith(f"{path}: ") and said.count("\n") == 0 and len(said) < 500 for said in refused)
    assert sum("its manifest" in said or "its phases" in said for said in refused) > 0.8 * len(refused)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("strength", lambda t: t * np.float32("nan"), r"its strength\.npy\[0, 0\] is nan: a number from 0"),
        ("d", lambda t: t + np.float32("inf"), r"its d\.npy\[0, 0\] is inf"),
        ("strength", lambda t: t * 0, r"its strength\.npy\[0\] is not possible: a line of some strength"),
        ("whole", lambda t: t * 0, r"its whole\.npy\[0\] is not possible: the strength of all lines together"),
        ("strength", lambda t: t * 10, r"its whole\.npy\[0\] is not possible"),
        ("whole", lambda t: -t, r"its whole\.npy\[0\] is -"),
        ("d", lambda t: t * 0, r"its d\.npy\[0\] is not possible: 0.9 Å to the longest edge"),
        ("d", lambda t: t * 100, r"its d\.npy\[0\] is not possible: 0.9 Å to the longest edge"),
        ("d", lambda t: t[:, :40], r"its tables are \{'d': \(5, 40\)"),
        ("d", lambda t: t[:3], r"d\.npy holds float32 of shape \(3, 80\): float32 with a row for each of 5"),
        ("d", lambda t: t.astype(float), r"d\.npy holds float64"),
        ("d", lambda t: t.astype("U8"), r"d\.npy holds <U8"),
        ("extra", None, r"its tables are .*'extra'"),
    ],
)
def test_tables(members: Members, tmp_path: Path, name: str, change: Callable[[Any], Any] | None, says: str) -> None:
    table = np.load(io.BytesIO(members["d.npy" if change is None else f"{name}.npy"]))
    odd = npy(table if change is None else change(table))
    said = outcome(write(tmp_path / "odd.library", members | {f"{name}.npy": odd}))
    assert re.search(says, said), said


def test_a_table_with_a_wrong_header(members: Members, tmp_path: Path) -> None:
    huge = members["d.npy"].replace(b"(5, 80)", b"(5, 99)")
    said = outcome(write(tmp_path / "odd.library", members | {"d.npy": huge}))
    assert "is not a library of bragglens, or incomplete" in said
    without = {name: content for name, content in members.items() if name != "whole.npy"}
    assert "its tables are" in outcome(write(tmp_path / "odd.library", without))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        (("members", 0, "name"), "\x1b[31mred", r"manifest.members[0].name is"),
        (("members", 0, "same_as"), "gold", 'manifest.members[0] is "gold": a same_as that names another member'),
        (("groups",), [["gold"]], 'manifest.groups[0][0] is "gold": the name of a member'),
        (("problems",), "none", "manifest.problems is"),
        (("hash",), None, "manifest.hash is null"),
        (("members",), [], "manifest.members is []: a list of 1 to"),
    ],
)
def test_the_field_is_named(members: Members, tmp_path: Path, field: tuple[Any, ...], value: Any, says: str) -> None:
    manifest = holder = json.loads(members["manifest.json"])
    for key in field[:-1]:
        holder = holder[key]
    holder[field[-1]] = value
    said = outcome(write(tmp_path / "odd.library", members | {"manifest.json": json.dumps(manifest).encode()}))
    assert f"its {says}" in said


def test_control_characters_in_a_name_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "cifs"
    folder.mkdir()
    rutile = (files("bragglens") / "data" / "titania" / "rutile.cif").read_bytes()
    (folder / "\x1b[31mred.cif").write_bytes(rutile)
    (folder / "\x1b[1mbad.cif").write_bytes(b"<html>")
    assert read_library(folder).names == ("\ufffd[31mred",)
    built = build_library(folder, tmp_path / "red.library")
    assert built.library.names == ("\ufffd[31mred",)
    assert "\x1b" not in str(built.library.problems)
    with pytest.raises(StructureError, match="no such library"):
        read_library(tmp_path / "other.library")
