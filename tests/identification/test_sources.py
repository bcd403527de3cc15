"""Sources of phases: a model, folders, files, parts of the built-in library, alone and combined."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bragglens.cli.jobs import read_sources, sources_of
from bragglens.cli.parameters import Sources
from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.errors import BragglensError
from bragglens.identification.identify import identify
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import Model, save_model
from bragglens.match.builtin import builtin
from bragglens.match.catalogue import catalogue, joined
from bragglens.scan.scan import Scan

PHASES = files("bragglens") / "data" / "titania"


def test_none_is_the_built_in_library() -> None:
    assert proposer_of(None).catalogue is builtin()
    assert proposer_of("metals").catalogue is builtin(["metals"])
    assert proposer_of(["metals", "minerals"]).catalogue is builtin(["metals", "minerals"])


def test_a_folder_named_like_a_part_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metals").mkdir()
    (tmp_path / "metals" / "mine.cif").write_text((PHASES / "rutile.cif").read_text())
    monkeypatch.chdir(tmp_path)
    assert proposer_of("metals").catalogue is builtin(["metals"])
    assert read_sources(sources_of(Sources(library=["metals"]))).catalogue is builtin(["metals"])
    for folder in ("./metals", Path("metals")):
        assert proposer_of(folder).library.names == ("mine",)
    assert read_sources(sources_of(Sources(phases=[Path("metals")]))).library.names == ("mine",)


def test_one_cif_is_a_library() -> None:
    assert proposer_of(PHASES / "rutile.cif").library.names == ("rutile",)


def test_invalid_sources_are_refused(small_model: Model, tmp_path: Path) -> None:
    save_model(small_model, tmp_path / "my.bragglens")
    with pytest.raises(BragglensError, match=r"steel: does not exist: give a model file, .*\(minerals"):
        proposer_of("steel")
    with pytest.raises(BragglensError, match="is a model, which knows only its own phases"):
        proposer_of([tmp_path / "my.bragglens", "metals"])
    with pytest.raises(BragglensError, match="no library is given"):
        proposer_of([])
    with pytest.raises(BragglensError, match="names no phases"):
        proposer_of(3)  # type: ignore[arg-type]


def test_the_first_of_two_libraries_takes_precedence(titania: Library) -> None:
    own = catalogue(titania)
    rutile = titania["rutile"]
    heated = replace(rutile, name="hot", cell=(*(1.01 * edge for edge in rutile.cell[:3]), *rutile.cell[3:]))
    same_name = replace(standard("corundum"), name="anatase")
    other = catalogue(Library((heated, same_name, standard("Si"))))
    both = joined(own, other)
    assert both.library.names == (*titania.names, "anatase (2)", standard("Si").name)
    assert np.array_equal(both.lines.d[-2:], other.lines.d[-2:])
    assert len(both.lines) == len(both)


def test_a_library_joined_with_itself_is_unchanged(titania: Library) -> None:
    own = catalogue(titania)
    assert joined(own, own).library.phases == titania.phases


def test_identify_needs_only_a_scan() -> None:
    two_theta = np.arange(20.0, 90.0, 0.05)
    lines = builtin().of([builtin().library.names.index("Silicon")]).lines
    angle, height = (table[0] for table in lines.intensity(1.5406))
    there = np.isfinite(angle)
    peaks = (height[there] * np.exp(-(((two_theta[:, None] - angle[there]) / 0.08) ** 2))).sum(axis=1)
    counts = np.random.default_rng(0).poisson(3000 * peaks / peaks.max() + 30).astype(float)
    answer = identify(Scan("silicon", two_theta, counts, wavelength=1.5406), elements="Si")
    assert [phase.name for phase in answer.phases] == ["Silicon"]
