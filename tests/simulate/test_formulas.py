"""The formulas against values calculated by hand, integrals, and scipy's Voigt function."""

from __future__ import annotations

import importlib.resources
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import voigt_profile

from bragglens.crystal.cif import read_cif
from bragglens.crystal.reflections import Reflections, reflections
from bragglens.errors import RecipeError
from bragglens.scan.pattern import Grid
from bragglens.simulate import formulas, reference
from bragglens.simulate.instrument import Instrument, Line, emission, strongest_line
from bragglens.simulate.specimen import Specimen

CU = 1.5405929
FOLDER = Path(str(importlib.resources.files("bragglens"))) / "data" / "titania"
SHARP = Instrument((Line(CU, 1.0),), W=1e-6)


def titania(name: str) -> Reflections:
    return reflections(read_cif(FOLDER / f"{name}.cif"), 1.2)


# --- positions --------------------------------------------------------------------------------------------------


def test_bragg_angle() -> None:
    """d = λ gives 2θ = 60°. With d below λ/2 there is no line."""
    angles = formulas.two_theta(d=np.array([CU, CU / 2, 0.7]), wavelength=CU)
    assert angles[:2] == pytest.approx([60.0, 180.0])
    assert np.isnan(angles[2])


def test_bragg_angle_of_silicon_111() -> None:
    """a = 5.43102 Å (CODATA). Reference cards state 28.44°."""
    assert formulas.two_theta(d=np.array(5.43102 / math.sqrt(3)), wavelength=CU) == pytest.approx(28.44, abs=3e-3)


def test_specimen_above_the_plane_moves_lines_to_low_angles() -> None:
    """0.1 mm on 185 mm: 0.0619° at 2θ = 0, cos 45° of that at 90°, zero at 180°."""
    shift = formulas.displacement_shift(two_theta=np.array([0.0, 90.0, 180.0]), displacement=0.1, radius=185.0)
    assert shift == pytest.approx([-0.0619414, -0.0437992, 0.0], abs=1e-6)


@given(displacement=st.floats(-0.5, 0.5), zero=st.floats(-0.2, 0.2), radius=st.floats(100, 300))
def test_line_position_in_a_pattern_is_that_of_the_formula(displacement: float, zero: float, radius: float) -> None:
    """The maximum of rutile 110 in a whole pattern."""
    grid = Grid(25.0, 30.0, 0.002)
    instrument = Instrument((Line(CU, 1.0),), radius=radius, W=0.0025, zero=zero)
    pattern = reference.pattern(titania("rutile"), instrument, Specimen(displacement=displacement), grid)
    d = 4.5937 / math.sqrt(2)
    true = 2 * math.degrees(math.asin(CU / 2 / d))
    expected = true + zero - math.degrees(2 * displacement / radius * math.cos(math.radians(true / 2)))
    assert grid.two_theta[pattern.argmax()] == pytest.approx(expected, abs=0.002)


def test_transparency_moves_lines_to_low_angles_most_at_the_middle() -> None:
    shift = formulas.transparency_shift(two_theta=np.array([0.0, 30.0, 90.0, 180.0]), transparency=0.04)
    assert shift == pytest.approx([0.0, -0.02, -0.04, 0.0])


@pytest.mark.parametrize(("angle", "sign"), [(20.0, -1), (60.0, -1), (90.0, 0), (140.0, 1)])
def test_axial_divergence_shifts_lines_away_from_90_degrees(angle: float, sign: int) -> None:
    """A ray h off the plane is detected at cos2φ = cos2θ √(1 + h²). With weights (a - h) the mean of h² is a²/6.

    Lines are therefore asymmetric to low angles below 90° and to high angles above. The mean shift is a²/12 cot2θ.
    """
    axial = 0.04
    places, weights = formulas.axial_divergence(two_theta=angle, axial=axial, points=24)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() > 0
    assert (np.sign(np.round(places - angle, 9)) == sign).all()
    mean = float((places * weights).sum()) - angle
    assert mean == pytest.approx(-math.degrees(axial**2 / 12 / math.tan(math.radians(angle))), rel=0.01, abs=1e-9)


def test_axial_divergence_agrees_with_finger_cox_and_jephcoat() -> None:
    """The integral of the paper over 2φ at 2θ = 10°: D(2φ) = W / (h cos2φ), W = a - h, with its singularity at 2θ."""
    axial, cosine = 0.04, math.cos(math.radians(10.0))
    first = math.degrees(math.acos(cosine * math.sqrt(1 + axial**2)))

    def density(angle: float) -> float:
        h = math.sqrt(max((math.cos(math.radians(angle)) / cosine) ** 2 - 1, 1e-30))
        return (axial - h) / (h * math.cos(math.radians(angle)))

    total = quad(density, first, 10.0, limit=500)[0]
    mean = quad(lambda angle: angle * density(angle), first, 10.0, limit=500)[0] / total
    places, weights = formulas.axial_divergence(two_theta=10.0, axial=axial, points=24)
    assert (places * weights).sum() == pytest.approx(mean, abs=1e-4)
    assert places.min() > first


# --- intensities ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("angle", "polarisation", "expected"),
    [
        (90.0, 1.0, 2 * math.sqrt(2)),  # cos²90° = 0; sin²45° cos45° = 2^-3/2
        (60.0, 1.0, 1.25 / (0.25 * math.sqrt(3) / 2)),
        (60.0, 0.0, 1.0 / (0.25 * math.sqrt(3) / 2)),
        (120.0, 1.0, 1.25 / (0.75 * 0.5)),
    ],
)
def test_lorentz_polarisation(angle: float, polarisation: float, expected: float) -> None:
    value = formulas.lorentz_polarisation(two_theta=np.array(angle), polarisation=polarisation)
    assert value == pytest.approx(expected)


def test_monochromator_weakens_lines_at_low_angles() -> None:
    """Graphite at 26.6°: K = 0.7995. The line at 90° does not change, one at low angles loses 10%."""
    graphite = Instrument(SHARP.lines, monochromator=26.6)
    assert SHARP.polarisation == 1.0
    assert graphite.polarisation == pytest.approx(0.79951, abs=1e-5)
    crystal = titania("rutile")
    plain = reference.sticks(crystal, wavelength=CU)
    with_graphite = reference.sticks(crystal, wavelength=CU, polarisation=graphite.polarisation)
    cos2 = np.cos(np.radians(plain.two_theta)) ** 2
    assert with_graphite.area / plain.area == pytest.approx((1 + 0.79951 * cos2) / (1 + cos2), abs=1e-5)


def test_synchrotron_radiation_is_polarised() -> None:
    """Full polarisation perpendicular to the diffraction plane loses no intensity: K = 0. Half of it gives K = 1/3."""
    assert Instrument(SHARP.lines, polarised=1.0).polarisation == 0.0
    assert Instrument(SHARP.lines, polarised=0.5).polarisation == pytest.approx(1 / 3)


def test_beam_spills_over_a_short_specimen() -> None:
    """1° on 185 mm is 3.23 mm wide. It is within 20 mm of specimen above sinθ = 0.161, 2θ = 18.6°. Half at 9.26°."""
    instrument = Instrument(SHARP.lines, divergence=1.0)
    assert instrument.spill == pytest.approx(6.194, abs=1e-3)
    share = formulas.overspill(two_theta=np.array([9.261, 18.58, 18.6, 90.0]), spill=instrument.spill)
    assert share == pytest.approx([0.5, 1.0, 1.0, 1.0], abs=1e-3)
    assert Instrument(SHARP.lines, divergence=1.0, automatic_slit=True).spill == 0
    assert (formulas.overspill(two_theta=np.array([1.0, 90.0]), spill=0.0) == 1).all()


def test_automatic_slit_weakens_low_angles_by_the_sine() -> None:
    crystal, grid = titania("rutile"), Grid(20.0, 80.0, 0.02)
    fixed, opened = (
        reference.pattern(crystal, Instrument(SHARP.lines, automatic_slit=automatic), Specimen(), grid)
        for automatic in (False, True)
    )
    for angle in (27.44, 54.32):
        i = np.abs(grid.two_theta - angle) < 0.05
        assert opened[i].sum() / fixed[i].sum() == pytest.approx(math.sin(math.radians(angle / 2)), rel=1e-2)


def test_roughness_reduces_intensity_at_low_angles() -> None:
    """By hand at θ = 30°: (0.7 + 0.3 e^-0.4) / (0.7 + 0.3 e^-0.2). No loss at 2θ = 180° and for p = 0."""
    share = formulas.roughness(two_theta=np.array([60.0, 180.0]), p=0.3, q=0.2)
    assert share == pytest.approx([(0.7 + 0.3 * math.exp(-0.4)) / (0.7 + 0.3 * math.exp(-0.2)), 1.0])
    assert (np.diff(formulas.roughness(two_theta=np.linspace(5, 175, 50), p=0.3, q=0.2)) > 0).all()
    assert (formulas.roughness(two_theta=np.array([5.0, 60.0]), p=0.0, q=0.2) == 1).all()


# --- texture ----------------------------------------------------------------------------------------------------


@given(r=st.floats(0.05, 8.0))
def test_march_dollase_keeps_the_mean_over_the_sphere(r: float) -> None:
    mean, _ = quad(lambda c: formulas.march_dollase(cos_alpha=np.array(c), r=r), 0, 1, limit=200)
    assert mean == pytest.approx(1.0, abs=1e-6)


def test_march_dollase_along_and_across() -> None:
    factor = formulas.march_dollase(cos_alpha=np.array([1.0, -1.0, 0.0]), r=0.5)
    assert factor == pytest.approx([8.0, 8.0, 0.5**1.5])


def texture(crystal: Reflections, axis: tuple[int, int, int], r: float) -> dict[tuple[int, ...], float]:
    """Factor of each reflection, by its hkl as listed."""
    textured = reference.sticks(crystal, wavelength=CU, specimen=Specimen(texture_axis=axis, march=r))
    plain = reference.sticks(crystal, wavelength=CU)
    return {tuple(h): f for h, f in zip(plain.hkl.tolist(), textured.area / plain.area, strict=True)}


def of(factors: dict[tuple[int, ...], float], *hkl: int) -> float:
    """The factor of hkl or of its Friedel mate."""
    return factors.get(hkl, factors.get(tuple(-n for n in hkl), math.nan))


def test_plates_on_c_strengthen_002_and_not_200() -> None:
    factors = texture(titania("rutile"), (0, 0, 1), 0.7)
    assert of(factors, 0, 0, 2) == pytest.approx(0.7**-3)
    (across,) = {round(f, 9) for h, f in factors.items() if sorted(map(abs, h)) == [0, 0, 2] and h[2] == 0}
    assert across == pytest.approx(0.7**1.5)


def test_texture_uses_the_metric() -> None:
    """Angles by hand: rutile 101 is atan(c/a) from c*, not 45° as the indices alone would suggest.

    In the monoclinic bronze form the angle of 200 and 001 is β* = 180° - β = 72.8°, not 90°.
    """
    rutile, bronze = titania("rutile"), titania("tio2_B")
    a, _, c, *_ = rutile.phase.cell
    cosine = math.cos(math.atan(c / a))
    expected = (0.7**2 * cosine**2 + (1 - cosine**2) / 0.7) ** -1.5
    factors = texture(rutile, (0, 0, 1), 0.7)
    found = [f for h, f in factors.items() if sorted(map(abs, h)) == [0, 1, 1] and h[2] != 0]
    assert found == pytest.approx([expected])

    cosine = math.cos(math.radians(180 - bronze.phase.cell[4]))
    expected = (0.7**2 * cosine**2 + (1 - cosine**2) / 0.7) ** -1.5
    assert of(texture(bronze, (0, 0, 1), 0.7), 2, 0, 0) == pytest.approx(expected)
    assert of(texture(bronze, (1, 0, 0), 0.7), 0, 0, 1) == pytest.approx(expected)


def test_texture_is_the_mean_over_the_equivalents() -> None:
    """With axis 100, equivalents of rutile 200 lie along it and across it. The factor is their mean, as with 010."""
    expected = (0.6**-3 + 0.6**1.5) / 2
    for axis in ((1, 0, 0), (0, 1, 0), (-1, 0, 0), (2, 0, 0)):
        factors = texture(titania("rutile"), axis, 0.6)
        found = [f for h, f in factors.items() if sorted(map(abs, h)) == [0, 0, 2] and h[2] == 0]
        assert found == pytest.approx([expected])


def test_r_of_one_is_no_texture() -> None:
    factors = texture(titania("brookite"), (1, 1, 0), 1.0)
    assert list(factors.values()) == pytest.approx([1.0] * len(factors))


# --- profiles ---------------------------------------------------------------------------------------------------


@given(eta=st.floats(0, 1), fwhm=st.floats(0.01, 5))
def test_profile_has_area_one_and_its_width(eta: float, fwhm: float) -> None:
    """The kernel of the predecessor had a sum of 97. Integrated over x = fwhm tan(t), which extends to infinity."""

    def integrand(t: float) -> float:
        x = fwhm * math.tan(t)
        return float(formulas.pseudo_voigt(x=x, fwhm=fwhm, eta=eta)) * fwhm / math.cos(t) ** 2

    area = 2 * quad(integrand, 0, math.pi / 2)[0]
    assert area == pytest.approx(1.0, abs=1e-6)
    half, top = formulas.pseudo_voigt(x=np.array([fwhm / 2, 0.0]), fwhm=fwhm, eta=eta)
    assert half / top == pytest.approx(0.5)


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.3, 1.0, 3.0, 20.0])
def test_thompson_cox_hastings_is_close_to_a_voigt(ratio: float) -> None:
    """Width within 0.5% and shape within 1.5% of the maximum of scipy's exact convolution (found: 0.37% and 1.25%)."""
    gauss, lorentz = 0.1, 0.1 * ratio
    fwhm, eta = formulas.thompson_cox_hastings(gaussian=np.array(gauss), lorentzian=np.array(lorentz))
    sigma, gamma = gauss / math.sqrt(8 * math.log(2)), lorentz / 2
    top = voigt_profile(0, sigma, gamma)
    true = 2 * brentq(lambda x: voigt_profile(x, sigma, gamma) - top / 2, 0, 10 * (gauss + lorentz))
    assert fwhm == pytest.approx(true, rel=5e-3)
    x = np.linspace(-5 * true, 5 * true, 2001)
    difference = formulas.pseudo_voigt(x=x, fwhm=fwhm, eta=eta) - voigt_profile(x, sigma, gamma)
    assert np.abs(difference).max() < 0.015 * top


def test_thompson_cox_hastings_limits() -> None:
    fwhm, eta = formulas.thompson_cox_hastings(gaussian=np.array([0.2, 0.0]), lorentzian=np.array([0.0, 0.3]))
    assert fwhm == pytest.approx([0.2, 0.3])
    assert eta == pytest.approx([0.0, 1.0])


def test_scherrer_width() -> None:
    """2 nm at anatase (101): 0.9 x 1.5406 / (20 cos 12.65°) rad = 4.07°. At 100 nm the width is 50 times smaller.

    With degrees in place of radians the two were once 0.48 and 0.42°.
    """
    width = {s: formulas.size_width(two_theta=np.array(25.3), wavelength=CU, size=s) for s in (2.0, 100.0)}
    assert width[2.0] == pytest.approx(4.0711, abs=1e-3)
    assert width[2.0] / width[100.0] == pytest.approx(50)


@pytest.mark.parametrize("lorentzian", [0.0, 1.0])
def test_width_in_a_pattern_follows_scherrer(lorentzian: float) -> None:
    """Measured at half height of rutile 110 alone: 4 and 40 nm differ tenfold."""
    found = {}
    for size in (4.0, 40.0):
        grid = Grid(27.447 - 1.5 * 10 / size, 27.447 + 1.5 * 10 / size, 0.001)
        crystal = reflections(read_cif(FOLDER / "rutile.cif"), 3.0)
        pattern = reference.pattern(crystal, SHARP, Specimen(size=size, lorentzian=lorentzian), grid)
        found[size] = np.ptp(grid.two_theta[pattern > pattern.max() / 2])
        assert found[size] == pytest.approx(
            math.degrees(0.9 * CU / (10 * size * math.cos(math.radians(13.72)))), abs=4e-3
        )
    assert found[4.0] / found[40.0] == pytest.approx(10, rel=0.02)


def test_microstrain_and_resolution_widths() -> None:
    """ε = 0.001 at 90° gives 0.004 rad. U V W X Y at 90°, where tanθ = 1 and 1/cosθ = √2."""
    right = np.array(90.0)
    assert formulas.microstrain_width(two_theta=right, microstrain=1e-3) == pytest.approx(math.degrees(0.004))
    assert formulas.caglioti_width(two_theta=right, U=0.02, V=-0.01, W=0.03) == pytest.approx(0.2)
    assert formulas.caglioti_width(two_theta=right, U=0.0, V=-0.1, W=0.03) == 0.0
    assert formulas.lorentzian_width(two_theta=right, X=0.1, Y=0.05) == pytest.approx(0.1 * math.sqrt(2) + 0.05)


def test_instrument_and_specimen_widths_are_combined() -> None:
    """Gaussian widths add in squares, Lorentzian ones linearly: 3-4-5 and 3 + 4."""
    size = 0.9 * CU / (10 * math.radians(0.4) * math.cos(math.radians(20)))
    for share, expected in ((0.0, 0.5), (1.0, 0.7)):
        gauss, lorentz = (0.3**2, 0.0) if share == 0 else (0.0, 0.3 * math.cos(math.radians(20)))
        instrument = Instrument((Line(CU, 1.0),), W=gauss, X=lorentz)
        specimen = Specimen(size=size, lorentzian=share)
        fwhm, eta = reference.widths(np.array([40.0]), CU, instrument, specimen)
        assert fwhm == pytest.approx([expected])
        assert eta == pytest.approx([share], abs=1e-9)


# --- emission ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["CuKa", "Cu", "cuka", "CuKα", "Cu-Ka", "Cu Kα1,2", " CuKa12 "])
def test_copper_doublet_by_any_name(text: str) -> None:
    assert emission(text) == (Line(1.5405929, 1.0), Line(1.5444274, 0.5))


@pytest.mark.parametrize(
    ("anode", "first", "second"),  # Bearden (1967), on the scale of Hölzer, within 2e-4 Å
    [
        ("Cr", 2.28970, 2.29361),
        ("Fe", 1.93604, 1.93998),
        ("Co", 1.78897, 1.79285),
        ("Cu", 1.54056, 1.54439),
        ("Mo", 0.70930, 0.71359),
        ("Ag", 0.55941, 0.56380),
    ],
)
def test_tubes(anode: str, first: float, second: float) -> None:
    assert [line.wavelength for line in emission(f"{anode}Ka")] == pytest.approx([first, second], abs=2e-4)
    assert emission(f"{anode}Ka1") == emission(anode)[:1]


def test_wavelengths_by_number() -> None:
    assert emission("1.5406") == (Line(1.5406, 1.0),)
    assert emission("0.4127/0.4130") == (Line(0.4127, 1.0), Line(0.4130, 0.5))


@pytest.mark.parametrize("stated", ["1.5418", "1.54184", "1.541871"])
def test_mean_of_a_doublet_is_read_as_the_doublet(stated: str) -> None:
    assert emission(stated) == emission("CuKa")
    assert strongest_line(float(stated)) == 1.5405929


def test_single_line_is_not_taken_for_a_mean() -> None:
    for value in (1.5406, 1.5405929, 1.5, 0.4127):
        assert emission(f"{value}") == (Line(value, 1.0),)
        assert strongest_line(value) == value


def test_k_beta_and_tungsten_lines_of_a_tube() -> None:
    """Cu Kβ 1.3922 Å and W Lα1 1.4764 Å (Bearden 1967), with the requested weights, after the doublet."""
    *doublet, beta, tungsten = emission("CuKa", k_beta=0.02, tungsten=0.01)
    assert tuple(doublet) == emission("CuKa")
    assert (beta.wavelength, tungsten.wavelength) == pytest.approx((1.39222, 1.47639), abs=2e-4)
    assert (beta.weight, tungsten.weight) == (0.02, 0.01)


@pytest.mark.parametrize(
    "text",
    ["", "Xx", "CuKb", "CuKa3", "Unobtainium", "0", "-1.5", "nan", "inf", "15406", "1,5406", "1/2/3", "1.54/", "/"],
)
def test_invalid_wavelengths_are_refused_with_valid_examples(text: str) -> None:
    with pytest.raises(RecipeError, match="CuKa1") as caught:
        emission(text)
    assert f"'{text}'" in str(caught.value)
    assert "\n" not in str(caught.value)
