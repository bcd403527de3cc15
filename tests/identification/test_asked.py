"""Who is asked: a model, folders, files, parts of the built-in library, alone and put together."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bragglens.cli.jobs import asked_of as asked_on_the_command_line
from bragglens.cli.jobs import sources_of
from bragglens.cli.parameters import Sources
from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.errors import BragglensError
from bragglens.identification.asked import asked_of, library_of
from bragglens.identification.identify import identify
from bragglens.learn.model import Model, save_model
from bragglens.match.builtin import builtin
from bragglens.match.catalogue import Catalogue, catalogue, joined
from bragglens.scan.scan import Scan

PHASES = files("bragglens") / "data" / "titania"


def test_nothing_is_the_built_in_library() -> None:
    assert asked_of() is builtin()
    assert asked_of("metals") is builtin(["metals"])
    assert asked_of(["metals", "minerals"]) is builtin(["metals", "minerals"])


def test_a_folder_of_the_name_of_a_part_is_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metals").mkdir()
    (tmp_path / "metals" / "mine.cif").write_text((PHASES / "rutile.cif").read_text())
    monkeypatch.chdir(tmp_path)
    assert asked_of("metals") is builtin(["metals"])
    assert asked_on_the_command_line(sources_of(Sources(library=["metals"]))) is builtin(["metals"])
    for folder in ("./metals", Path("metals")):
        assert library_of(asked_of(folder)).names == ("mine",)
    assert library_of(asked_on_the_command_line(sources_of(Sources(phases=[Path("metals")])))).names == ("mine",)


def test_one_cif_is_a_library() -> None:
    assert library_of(asked_of(PHASES / "rutile.cif")).names == ("rutile",)


def test_what_is_no_library_is_said(small_model: Model, tmp_path: Path) -> None:
    save_model(small_model, tmp_path / "my.bragglens")
    with pytest.raises(BragglensError, match=r"steel: is not there: give a model file, .*\(minerals"):
        asked_of("steel")
    with pytest.raises(BragglensError, match="is a model, which knows the phases that it was trained for"):
        asked_of([tmp_path / "my.bragglens", "metals"])
    with pytest.raises(BragglensError, match="no library is given"):
        asked_of([])
    with pytest.raises(BragglensError, match="nothing can be asked of it"):
        asked_of(3)  # type: ignore[arg-type]


def test_of_two_libraries_the_first_has_its_own_of_each_compound(titania: Library) -> None:
    own = catalogue(titania)
    rutile = titania["rutile"]
    heated = replace(rutile, name="hot", cell=(*(1.01 * edge for edge in rutile.cell[:3]), *rutile.cell[3:]))
    same_name = replace(standard("corundum"), name="anatase")
    other = catalogue(Library((heated, same_name, standard("Si"))))
    both = joined(own, other)
    assert both.library.names == (*titania.names, "anatase (2)", standard("Si").name)
    assert np.array_equal(both.lines.d[-2:], other.lines.d[-2:])
    assert len(both.lines) == len(both)


def test_joined_with_itself_a_library_is_as_it_was(titania: Library) -> None:
    own = catalogue(titania)
    assert joined(own, own).library.phases == titania.phases


def test_from_python_a_scan_alone_is_enough() -> None:
    two_theta = np.arange(20.0, 90.0, 0.05)
    silicon = builtin().library["Silicon"]
    lines = Catalogue(Library((silicon,)), builtin().lines.of([builtin().library.names.index("Silicon")])).lines
    angle, height = (table[0] for table in lines.intensity(1.5406))
    there = np.isfinite(angle)
    peaks = (height[there] * np.exp(-(((two_theta[:, None] - angle[there]) / 0.08) ** 2))).sum(axis=1)
    counts = np.random.default_rng(0).poisson(3000 * peaks / peaks.max() + 30).astype(float)
    answer = identify(Scan("silicon", two_theta, counts, wavelength=1.5406), elements="Si")
    assert [phase.name for phase in answer.phases] == ["Silicon"]
