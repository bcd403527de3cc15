"""Humps of glass are measured, and no instrument background is taken for a hump."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.standards import standard
from bragglens.identification.answer import Identification
from bragglens.identification.humps import convex_beneath
from bragglens.identification.identify import identify
from bragglens.policy import DEFAULT
from bragglens.scan.pattern import Grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]
CU = 1.5405929
GRID = Grid(10.0, 80.0, 0.03)
LIBRARY = Library((standard("corundum"),))
X = GRID.two_theta
BACKGROUNDS: dict[str, Array] = {
    "level": np.full(X.size, 300.0),
    "fluorescence": np.full(X.size, 3000.0),
    "air": 100 + 4000 / X,
    "foot of the beam": 150 + 800 * np.exp(-(X - 10) / 5),
    "rising": 100 + 4 * X,
}


def glass(centre: float, fwhm: float) -> Array:
    """A Gaussian hump of area 1 per degree."""
    curve = np.exp(-4 * np.log(2) * ((X - centre) / fwhm) ** 2)
    return curve / curve.sum() / GRID.step


def answer_to(hump: Array, background: Array, *, share: float) -> Identification:
    """Corundum with a hump that has this share of the diffracted intensity."""
    instrument = Instrument(emission("CuKa"), W=0.006)
    (crystal,) = reflections_in_range(LIBRARY.phases, instrument.lines, GRID)
    clean = pattern(crystal, instrument, Specimen(size=80.0), GRID)
    clean *= 6000 / clean.max()
    whole = clean.sum() * GRID.step * share / (1 - share)
    counts = np.random.default_rng(3).poisson(clean + whole * hump + background)
    return identify(Scan("made up", X, counts.astype(float)), LIBRARY, wavelength=CU)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_instrument_backgrounds_are_not_humps(background: str) -> None:
    answer = answer_to(glass(21.5, 9.0), BACKGROUNDS[background], share=0.0)
    assert answer.verdict == "known"
    assert answer.hump is None or answer.hump.share < 0.05
    assert answer.notes == ()


@pytest.mark.parametrize("background", ["level", "air", "foot of the beam"])
@pytest.mark.parametrize(("centre", "fwhm", "share"), [(21.5, 8.0, 0.5), (22.0, 10.0, 0.3), (21.0, 9.0, 0.7)])
def test_a_hump_of_glass_is_measured(background: str, centre: float, fwhm: float, share: float) -> None:
    answer = answer_to(glass(centre, fwhm), BACKGROUNDS[background], share=share)
    assert [finding.name for finding in answer.phases] == ["corundum_676a"]
    assert answer.hump is not None
    assert share - 0.16 < answer.hump.share < share + 0.05  # a background that falls steeply hides half of a weak one
    assert answer.hump.two_theta == pytest.approx(centre, abs=1.5)
    assert answer.to_dict()["hump"]["share"] == answer.hump.share
    (note,) = answer.notes
    assert note.startswith(f"{100 * answer.hump.share:.0f}% of the diffracted intensity lies in a broad hump at ")
    assert note.endswith("the fractions are of the crystalline part alone")


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=40))
def test_lower_curve_is_convex_and_nowhere_above(values: list[float]) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values)
    beneath = convex_beneath(x, y)
    assert (beneath <= y + 1e-9).all()
    assert (np.diff(beneath, 2) >= -1e-9).all()


def test_a_convex_curve_is_its_own_lower_curve() -> None:
    curves: tuple[Callable[[Array], Array], ...] = (np.exp, np.square, np.abs, np.zeros_like)
    x = np.linspace(-2, 2, 101)
    for curve in curves:
        assert convex_beneath(x, curve(x)) == pytest.approx(curve(x), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "hump"),
    [
        ("single_tio2/powdR_rockjock__ANATASE.csv", False),
        ("tio2_mixtures/are_tio2__experiment_3_robot_a7r3_03mg_3.csv", True),
    ],
)
def test_a_measured_scan_on_a_glass_holder_and_one_without(shared: Path, name: str, hump: bool) -> None:
    answer = identify(read_scan(shared / "scans" / name), read_library(shared / "phases" / "tio2"), wavelength=CU)
    assert (answer.hump is not None and answer.hump.share > DEFAULT.hump_reported) == hump
