"""A fit exported to rietx: another renderer calculates the same pattern and refines it further."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rietx
from full_disk import full_disk
from made_scans import called
from rietx.model.profiles.caglioti import apparent_size_from_size_coefficient

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.files import safe_name
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.identification.rietveld import refine_fit, refine_project, write_project
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(20.0, 80.0, 0.03)
INSTRUMENT = Instrument(emission("CuKa"), W=0.006, axial=0.03, zero=0.04)
WEIGHTS = {"anatase": 0.7, "rutile": 0.3}


@pytest.fixture(scope="module")
def fitted(titania: Library) -> Fit:
    phases = [phase for phase in titania if phase.name in WEIGHTS]
    crystals = reflections_in_range(phases, INSTRUMENT.lines, GRID)
    specimen = Specimen(size=30.0, microstrain=1e-3, displacement=0.1, texture_axis=(0, 0, 1), march=0.9)
    clean = sum(w * pattern(c, INSTRUMENT, specimen, GRID) for w, c in zip(WEIGHTS.values(), crystals, strict=True))
    counts = np.random.default_rng(0).poisson(8000 * clean / clean.max() + 100 + 2000 / GRID.two_theta)
    return fit(Scan("made up", GRID.two_theta, counts.astype(float)), phases, INSTRUMENT)


def test_rietx_starts_from_the_fit_and_refines(fitted: Fit, tmp_path: Path) -> None:
    folder = tmp_path / "mixture.rex"
    write_project(fitted, folder)
    assert {"anatase.cif", "rutile.cif", "scan.xye", "project.json"} <= {path.name for path in folder.iterdir()}
    project = rietx.Project.open(folder)
    assert [phase.name for phase in project.refinement.structure.phases] == ["anatase", "rutile"]
    drawn = project.refinement.predict(fitted.two_theta)
    peaks = fitted.calculated - fitted.background
    assert np.abs(drawn - fitted.calculated).sum() < 0.03 * peaks.sum()
    refined = refine_project(folder)
    assert refined.error is None
    assert refined.rwp == pytest.approx(fitted.rwp, rel=0.05)
    for name, weight in WEIGHTS.items():
        assert refined.weight_percent[name] == pytest.approx(100 * weight, abs=1.5)
        assert 0 < refined.weight_percent_error[name] < 5
    assert len(rietx.Project.open(folder).history) > 1  # the project keeps the refinement


def test_an_orientation_distribution_goes_on_as_harmonics(titania: Library, tmp_path: Path) -> None:
    """Grains on two faces: the pattern of rietx with the exported harmonics is that of the fit."""
    (phase,) = (phase for phase in titania if phase.name == "anatase")
    (crystal,) = reflections_in_range([phase], INSTRUMENT.lines, GRID)
    flat = [Specimen(size=60.0, march=0.6, texture_axis=axis) for axis in ((0, 0, 1), (1, 0, 0))]
    clean = np.sum([pattern(crystal, INSTRUMENT, one, GRID) for one in flat], axis=0)
    counts = np.random.default_rng(0).poisson(8000 * clean / clean.max() + 100).astype(float)
    found = fit(Scan("made up", GRID.two_theta, counts), [phase], INSTRUMENT)
    assert found.specimens[0].harmonics
    write_project(found, tmp_path / "flat.rex")
    drawn = rietx.Project.open(tmp_path / "flat.rex").refinement.predict(found.two_theta)
    peaks = found.calculated - found.background
    assert np.abs(drawn - found.calculated).sum() < 0.03 * peaks.sum()


def test_size_is_the_same_in_rietx(fitted: Fit, tmp_path: Path) -> None:
    """By the formula of rietx, from the exported widths; they were 4.4% too broad once."""
    write_project(fitted, tmp_path / "sizes.rex")
    models = rietx.Project.open(tmp_path / "sizes.rex").refinement.structure.phases
    for model, specimen in zip(models, fitted.specimens, strict=True):
        width = model.lor_size.value + np.sqrt(model.gauss_size.value)
        angstrom = apparent_size_from_size_coefficient(width, fitted.instrument.lines[0].wavelength)
        assert angstrom == pytest.approx(10 * specimen.size, rel=1e-6)


def test_without_a_project(fitted: Fit) -> None:
    refined = refine_fit(fitted)
    assert refined.weight_percent["anatase"] == pytest.approx(70, abs=1.5)
    assert refined.program.startswith("rietx")


def test_a_phase_name_is_not_a_path(fitted: Fit, tmp_path: Path) -> None:
    names = ("../../escaped", "a/b\x1b[31m")
    folder = tmp_path / "one" / "two" / "p.rex"
    write_project(called(fitted, names), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert [path.name for path in (tmp_path / "one" / "two").iterdir()] == ["p.rex"]
    assert {path.parent.name for path in folder.rglob("*.cif")} == {"p.rex"}
    assert {safe_name(name, ".cif") for name in names} <= {path.name for path in folder.iterdir()}


def test_a_full_disk_leaves_no_partial_project(fitted: Fit, tmp_path: Path) -> None:
    with full_disk(), pytest.raises(BragglensError, match="no space left on device"):
        write_project(fitted, tmp_path / "p.rex")
    assert list(tmp_path.iterdir()) == []


def test_work_is_never_overwritten(fitted: Fit, tmp_path: Path) -> None:
    with pytest.raises(BragglensError, match="exists already and is not overwritten"):
        write_project(fitted, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BragglensError, match="choose another"):
        write_project(fitted, tmp_path / "file" / "p.rex")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_refinement_is_one_line(fitted: Fit, tmp_path: Path) -> None:
    refined = refine_project(tmp_path / "none.rex")
    assert refined.rwp is None
    assert refined.error is not None
    assert "none.rex" in refined.error
    assert "\n" not in refined.error
