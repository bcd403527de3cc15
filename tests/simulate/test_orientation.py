"""Orientation distributions: compiled renderer against the formulas, a mean of 1, and known texture indices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from bragglens.crystal.harmonics import MOST_TERMS, sphere
from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.candidates import candidates
from bragglens.fit.structure import Structure
from bragglens.scan.pattern import Grid
from bragglens.simulate.formulas import march_dollase
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.orientation import density, harmonic_factor, texture_index
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(20.0, 80.0, 0.05)
INSTRUMENT = Instrument(emission("CuKa"), W=0.02)
coefficients = st.tuples(*[st.floats(-0.6, 0.6)] * MOST_TERMS)


@settings(max_examples=15)
@given(
    st.sampled_from(["anatase", "rutile", "brookite", "tio2_B"]),
    coefficients,
    st.floats(0.6, 1.6),
    st.floats(0.0, 0.8),
)
def test_the_renderer_agrees_with_the_formulas(
    titania: Library, name: str, harmonics: tuple[float, ...], march: float, fine: float
) -> None:
    phase = next((one for one in titania if one.name == name), titania.phases[0])
    (crystal,) = reflections_in_range([phase], INSTRUMENT.lines, GRID)
    specimen = Specimen(size=50.0, march=march, harmonics=harmonics, fine_share=fine, fine_size=9.0)
    expected = pattern(crystal, INSTRUMENT, specimen, GRID)
    found = Structure(crystal, faulted=False).pattern(INSTRUMENT, specimen, GRID)
    assert found == pytest.approx(expected, abs=1e-3 * expected.max())


def test_a_gram_stays_a_gram(titania: Library) -> None:
    """W is a density: its mean over all directions is 1, and the factors of plane normals have that mean."""
    for phase in (*titania, standard("corundum")):
        specimen = Specimen(march=0.8, harmonics=(0.5, -0.3, 0.2))
        assert density(phase, specimen).mean() == pytest.approx(1.0)
        plain = Specimen(harmonics=(0.5, -0.3, 0.2))
        assert harmonic_factor(phase, sphere(5000), plain).mean() == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize("r", [0.5, 0.75, 1.0, 1.5])
def test_texture_index_of_a_march_dollase_function(r: float) -> None:
    """∫ W² over the sphere by quadrature, for an axis without other equivalents than its opposite."""
    expected = quad(lambda x: float(march_dollase(cos_alpha=np.array([x]), r=r)[0]) ** 2, 0, 1)[0]
    assert texture_index(standard("corundum"), Specimen(march=r)) == pytest.approx(expected, rel=0.01)


def test_no_harmonics_no_change(titania: Library) -> None:
    known = candidates(titania.phases, INSTRUMENT, 80.0)
    assert not known.oriented
    assert known.with_orientations().packed.harmonics.shape == (len(known.packed.hkl), MOST_TERMS)
    assert harmonic_factor(titania.phases[0], sphere(10), Specimen(march=0.5)) == pytest.approx(np.ones(10))
