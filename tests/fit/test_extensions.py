"""Extensions: two crystallite sizes and orientation distributions, where the scan needs them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_scans import GRID, INSTRUMENT, measured
from test_model_error import scattered

from bragglens import identify
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.crystal.standards import standard
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.scan.scan import Scan
from bragglens.simulate.orientation import texture_index
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

CORUNDUM = standard("corundum")


def scan_of(clean: np.ndarray) -> Scan:
    counts = np.random.default_rng(2).poisson(2e4 * (clean / clean.max() + 0.03)).astype(float)
    return Scan("made up", GRID.two_theta, counts, wavelength=INSTRUMENT.lines[0].wavelength)


def made(phase: Phase, specimen: Specimen, scatter: float = 0.0) -> Scan:
    (crystal,) = reflections_in_range([phase], INSTRUMENT.lines, GRID)
    return scan_of(pattern(scattered(crystal, scatter) if scatter else crystal, INSTRUMENT, specimen, GRID))


def of(scan: Scan, *phases: Phase) -> Fit:
    return fit(scan, phases, INSTRUMENT)


@pytest.mark.parametrize(("share", "size"), [(0.5, 8.0), (0.7, 6.0)])
def test_sharp_lines_on_broad_feet_are_one_phase(share: float, size: float) -> None:
    """Of a library with an isostructural compound 0.3% larger, which would fit the feet."""
    larger = replace(CORUNDUM, name="larger", cell=(*(1.003 * x for x in CORUNDUM.cell[:3]), *CORUNDUM.cell[3:]))
    scan = made(CORUNDUM, Specimen(size=150.0, fine_share=share, fine_size=size))
    answer = identify(scan, Library((CORUNDUM, larger)))
    assert [one.name for one in answer.phases] == [CORUNDUM.name]
    assert answer.fit is not None
    assert answer.fit.specimens[0].fine_share == pytest.approx(share, abs=0.1)
    assert answer.fit.specimens[0].fine_size == pytest.approx(size, rel=0.2)


def test_one_size_needs_no_second(titania: Library) -> None:
    found = of(measured({"anatase": 0.6, "rutile": 0.4}, titania), *titania.phases[:3])
    assert [one.fine_share for one in found.specimens] == [0.0] * 3


def test_grains_about_several_axes_are_texture() -> None:
    """Half of the grains lie on {104} and half on {001}: no March-Dollase function of one axis."""
    (crystal,) = reflections_in_range([CORUNDUM], INSTRUMENT.lines, GRID)
    flat = [Specimen(size=80.0, march=0.4, texture_axis=axis) for axis in ((1, 0, 4), (0, 0, 1))]
    scan = scan_of(np.sum([pattern(crystal, INSTRUMENT, one, GRID) for one in flat], axis=0))
    found = of(scan, CORUNDUM)
    assert found.specimens[0].harmonics
    assert texture_index(CORUNDUM, found.specimens[0]) > 1.3
    assert found.goodness < 3


def test_few_crystallites_are_no_texture(titania: Library) -> None:
    """Lines that scatter without regard to their direction: a smooth distribution does not predict the next line."""
    brookite = next(one for one in titania if one.name == "brookite")
    oriented = [bool(of(made(brookite, Specimen(size=80.0), 0.5), brookite).specimens[0].harmonics)]
    assert oriented == [False]
    answer = identify(made(brookite, Specimen(size=80.0), 0.5), titania)
    assert [one.name for one in answer.phases] == ["brookite"]
    assert answer.unexplained is not None
    assert answer.unexplained < 0.1
    assert any("few large crystallites" in note for note in answer.notes)
