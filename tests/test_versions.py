"""Versions: the number of this one, and files of older and newer versions.

`kept/` holds a library, a model and the fields of an answer that version 0.1.0 wrote.
"""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bragglens.crystal.library import read_library
from bragglens.errors import BragglensError
from bragglens.identification.answer import Finding, Identification, document
from bragglens.learn.model import load_model
from bragglens.match.catalogue import read_catalogue
from bragglens.scan.pattern import Pattern
from bragglens.web.mcp import tools_of

ROOT = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).parent / "kept"
TITANIA = ("anatase", "brookite", "rutile", "tio2_B", "tio2_II")


def test_one_number_of_the_version() -> None:
    number = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    released = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert cited is not None
    assert number == cited[1] == released[0]


def test_a_library_of_0_1_0_is_read() -> None:
    library = read_library(KEPT / "format_1.library")
    assert library.names == TITANIA
    assert library.hash == "9c4f20bec613cf39493fa2eceb81b0acc2389f7d8c02e93e5e3f09ae49405958"
    assert len(read_catalogue(KEPT / "format_1.library").lines) == 5


def test_a_model_of_0_1_0_is_read() -> None:
    model = load_model(KEPT / "format_1.bragglens")
    grid = model.preparation.grid
    assert model.library.names == TITANIA
    assert np.isfinite(model.judge(Pattern(grid, np.ones(grid.size), np.ones(grid.size, bool)))).all()


def test_an_answer_has_all_fields_of_0_1_0() -> None:
    kept = json.loads((KEPT / "schema_1.json").read_text())
    phase = Finding("rutile", 0.9)
    written = document("5 structures", [Identification("a.xy", "5 structures", "known", phases=(phase,))])
    assert written["schema"] == kept["schema"]
    assert set(kept["fields"]) <= set(written)
    assert set(kept["scan"]) <= set(written["scans"][0])
    assert set(kept["phase"]) <= set(written["scans"][0]["phases"][0])


def renumbered(kept: str, number: Any, folder: Path) -> Path:
    """A kept file with another format number."""
    path = folder / kept
    with zipfile.ZipFile(KEPT / kept) as whole, zipfile.ZipFile(path, "w") as changed:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "manifest.json":
                data = json.dumps(json.loads(data) | {"format": number}).encode()
            changed.writestr(name, data)
    return path


def answered(number: Any, folder: Path) -> Path:
    path = folder / "answers.json"
    path.write_text(json.dumps({"schema": number, "model": "5 structures", "scans": []}))
    return path


FILES: dict[str, tuple[Callable[[Any, Path], Path], Callable[[Path], object]]] = {
    "library": (lambda number, folder: renumbered("format_1.library", number, folder), read_library),
    "model": (lambda number, folder: renumbered("format_1.bragglens", number, folder), load_model),
    "answer": (answered, lambda path: tools_of([path.parent]).read_answer(path.name)),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("number", "advice"), [(2, "update bragglens"), (0, "again"), ("1", "again"), (None, "again"), ("x" * 999, "again")]
)
def test_another_format_is_refused(kind: str, number: Any, advice: str, tmp_path: Path) -> None:
    write, read = FILES[kind]
    with pytest.raises(BragglensError) as refused:
        read(write(number, tmp_path))
    said = str(refused.value)
    assert f": is of {kind} format " in said
    assert "this version of bragglens reads 1" in said
    assert said.endswith(advice)
    assert len(said) < 300
    assert "\n" not in said
