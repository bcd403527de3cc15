"""The compiled renderer against the formulas, counting noise against Poisson's law, draws against distributions."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from bragglens.crystal.library import read_library
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.reflections import Reflections, reflections
from bragglens.errors import RecipeError
from bragglens.scan.pattern import Grid
from bragglens.simulate import formulas, reference
from bragglens.simulate.draws import Constant, LogUniform, Normal, Uniform, draws
from bragglens.simulate.instrument import Instrument, Line, emission
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.kernel.noise import bits as hashed
from bragglens.simulate.kernel.optics import angle as angle_of
from bragglens.simulate.kernel.profiles import line_shapes
from bragglens.simulate.mixture import Content, draw_conditions, draw_mixtures, single_phases
from bragglens.simulate.recipe import CLEAN, Recipe
from bragglens.simulate.render import fixed_conditions, pack, reflections_in_range, render, render_phases
from bragglens.simulate.specimen import Specimen

GRID = Grid(10.0, 90.0, 0.02)
COPPER = emission("CuKa")
SIGMAS = 5.0  # bound on a sum of many independent draws, exceeded by chance once in two million


@functools.cache
def titania() -> tuple[Reflections, ...]:
    library = read_library(Path(str(importlib.resources.files("bragglens"))) / "data" / "titania")
    assert len(library) == 5
    return tuple(reflections_in_range(library.phases, COPPER, GRID))


@functools.cache
def packed() -> PackedPhases:
    return pack(titania(), COPPER)


# --- against the formulas ---------------------------------------------------------------------------------------

INSTRUMENTS = st.builds(
    Instrument,
    lines=st.sampled_from([COPPER, COPPER[:1]]),
    radius=st.floats(150, 300),
    monochromator=st.sampled_from([0.0, 26.6]),
    polarised=st.sampled_from([0.0, 0.9]),
    divergence=st.sampled_from([0.0, 0.5, 1.0]),
    specimen_length=st.floats(8, 25),
    automatic_slit=st.booleans(),
    U=st.floats(0, 0.03),
    V=st.floats(-0.002, 0),
    W=st.floats(0.001, 0.04),
    X=st.floats(0, 0.05),
    Y=st.floats(0, 0.05),
    zero=st.floats(-0.3, 0.3),
)
SPECIMENS = st.builds(
    Specimen,
    size=st.floats(4, 300),
    microstrain=st.floats(0, 4e-3),
    lorentzian=st.floats(0, 1),
    strain=st.lists(st.floats(-0.01, 0.01), max_size=2).map(tuple),
    texture_axis=st.sampled_from([(0, 0, 1), (1, 0, 0), (1, 1, 0), (1, -1, 0), (1, 1, 1)]),
    march=st.floats(0.4, 2.0),
    displacement=st.floats(-0.4, 0.4),
    transparency=st.floats(0, 0.1),
    roughness=st.tuples(st.floats(0, 0.6), st.floats(0, 0.6)),
)


@settings(max_examples=60)
@given(index=st.integers(0, 4), instrument=INSTRUMENTS, specimen=SPECIMENS)
@example(index=0, instrument=Instrument(COPPER, W=0.001), specimen=Specimen(size=85, lorentzian=1.0))  # 5.4e-4 once
@example(index=3, instrument=Instrument(COPPER, W=0.001, X=0.05), specimen=Specimen(size=8, lorentzian=1.0))  # 8.7e-4
def test_kernel_agrees_with_the_reference(index: int, instrument: Instrument, specimen: Specimen) -> None:
    """Within 5e-4 of the strongest point, the error from cutting and interpolating Lorentzian tails.

    Of 1,200 draws one reached 5.03e-4, with an automatic slit and needles of r = 2. The bound is therefore 6e-4. Up to
    2 coefficients of strain are drawn, as many as every system but the cubic has. Monoclinic shear is tested below.
    """
    crystal = titania()[index]
    expected = reference.pattern(crystal, instrument, specimen, GRID)
    (found,) = render_phases([crystal], instrument, [specimen], GRID)
    assert np.abs(found - expected / expected.max()).max() < 6e-4


@settings(max_examples=12)
@given(index=st.integers(0, 4), axial=st.floats(0.005, 0.05), fwhm=st.floats(0.03, 0.15), size=st.floats(5, 300))
def test_axial_divergence_agrees_with_the_reference(index: int, axial: float, fwhm: float, size: float) -> None:
    """The kernel uses 1 to 24 points and the reference 24. The largest difference in 120 draws was 1.6e-4."""
    grid, specimen = Grid(10.0, 50.0, 0.02), Specimen(size=size)
    instrument = Instrument(COPPER, axial=axial, W=fwhm**2)
    expected = reference.pattern(titania()[index], instrument, specimen, grid)
    (found,) = render_phases([titania()[index]], instrument, [specimen], grid)
    assert np.abs(found - expected / expected.max()).max() < 6e-4


@pytest.mark.parametrize(("lorentzian", "U"), [(0.0, 0.0), (0.3, 0.02), (0.7, 0.01), (1.0, 0.0)])
def test_widths_and_mixing_agree_with_the_formulas(lorentzian: float, U: float) -> None:
    """A series replaces the fifth root. It is accurate to 5e-6, from pure Gaussian to nearly pure Lorentzian."""
    inverse_d, points, share = np.linspace(0.05, 1.29, 400), np.empty(400), np.empty(400)
    instrument = Instrument(COPPER, U=U, W=0.002, X=0.05 * lorentzian)
    specimen = Specimen(size=12, microstrain=2e-3, lorentzian=lorentzian)
    wavelength = COPPER[0].wavelength
    broadening = (U, 0.0, 0.002, 0.05 * lorentzian, 0.0, 12.0, 2e-3, lorentzian)
    line_shapes(inverse_d, wavelength, broadening, 0.01, points, share)
    angle = formulas.two_theta(d=1 / inverse_d, wavelength=wavelength)
    fwhm, eta = reference.widths(angle, wavelength, instrument, specimen)
    assert points * 0.01 == pytest.approx(fwhm, rel=6e-6)
    assert share == pytest.approx(eta, abs=1e-5)


def test_angles_agree_with_arccos() -> None:
    """Within 1.3e-6°, as stated by Abramowitz and Stegun, also beyond 1, which axial divergence may reach."""
    cosines = np.linspace(-1.0, 1.0, 2001)
    found = np.array([angle_of(c) for c in cosines])
    assert found == pytest.approx(np.degrees(np.arccos(cosines)), abs=1.3e-6)
    assert (angle_of(1.001), angle_of(-1.001)) == (0.0, 180.0)


@pytest.mark.parametrize("axial", [0.0, 0.02, 0.05])
def test_signal_is_that_of_the_whole_line(axial: float) -> None:
    """A line of height 1 above its own noise has a signal of √counts, for any number of pieces by axial divergence.

    From the highest of these pieces the signal was less than half at 0.02, and a tenth at 0.05.
    """
    instrument = Instrument(COPPER, axial=axial, W=0.03**2)
    one = fixed_conditions(instrument, [Specimen(size=200)] * 5, range(5))
    found = render(packed(), Conditions(**{**one._asdict(), "counts": np.full(5, 1e4)}), GRID).signal[:, 0]
    assert found == pytest.approx(np.full(5, 100.0), rel=0.2)


def test_kernel_agrees_with_the_reference_for_monoclinic_shear() -> None:
    (bronze,) = [c for c in titania() if c.phase.name == "tio2_B"]
    specimen = Specimen(strain=(0.01, -0.008, 0.006, 0.012), size=40)
    instrument = Instrument(COPPER)
    expected = reference.pattern(bronze, instrument, specimen, GRID)
    (found,) = render_phases([bronze], instrument, [specimen], GRID)
    assert np.abs(found - expected / expected.max()).max() < 5e-4
    (other,) = render_phases([bronze], instrument, [dataclasses.replace(specimen, strain=(0.01, -0.008, 0.006))], GRID)
    assert np.abs(found - other).max() > 0.1


@pytest.mark.parametrize("specimen", [Specimen(size=8, lorentzian=1.0), Specimen(size=20), Specimen(size=200)])
def test_kernel_agrees_with_the_reference_for_a_thousand_weak_lines(specimen: Specimen) -> None:
    """The tails cut from each line are small, but they add up: 9e-4 at most here, and 3.2e-3 if cut at 2e-5."""
    random = np.random.default_rng(1)
    sites = tuple(Site(f"O{i}", "O", tuple(random.random(3).tolist()), 1.0, 0.01) for i in range(20))
    phase = Phase("x", "", "P -1", (7.1, 9.3, 12.4, 93.0, 98.0, 104.0), ("x,y,z", "-x,-y,-z"), sites, 640.0)
    (crystal,) = reflections_in_range([phase], COPPER, GRID)
    assert len(crystal) > 1000
    expected = reference.pattern(crystal, Instrument(COPPER, X=0.02), specimen, GRID)
    (found,) = render_phases([crystal], Instrument(COPPER, X=0.02), [specimen], GRID)
    assert np.abs(found - expected / expected.max()).max() < 1.3e-3


def test_tails_of_lines_beyond_the_scan_are_included() -> None:
    """Anatase has no line from 27.5 to 35.8°. A scan of this range shows the tails of two lines outside it."""
    narrow, specimen = Grid(27.5, 35.8, 0.02), Specimen(size=5)
    expected = reference.pattern(titania()[0], Instrument(COPPER), specimen, narrow)
    (found,) = render_phases(titania()[:1], Instrument(COPPER), [specimen], narrow)
    assert np.abs(found - expected / expected.max()).max() < 0.03


def test_phases_of_a_batch_do_not_affect_each_other() -> None:
    """Offsets of the packed arrays: each phase of a batch is identical to the last bit to the phase alone."""
    specimens = [Specimen(size=20 + 10 * i, march=0.7) for i in range(5)]
    together = render_phases(titania(), Instrument(COPPER), specimens, GRID)
    for i, specimen in enumerate(specimens):
        alone = render_phases(titania()[i : i + 1], Instrument(COPPER), [specimen], GRID)
        assert (alone[0] == together[i]).all()


def test_strongest_point_of_a_clean_pattern_is_one() -> None:
    found = render_phases(titania(), Instrument(COPPER), [Specimen()] * 5, GRID)
    assert found.max(axis=1) == pytest.approx(np.ones(5))
    assert found.min() >= 0


def test_phase_without_a_line_in_range_is_flat() -> None:
    halite = Phase("x", "", "F m -3 m", (4.2,) * 3 + (90.0,) * 3, ("x,y,z",), (Site("O", "O", (0, 0, 0), 1, 0.01),), 16)
    low = Grid(5.0, 12.0, 0.02)
    (crystal,) = reflections_in_range([halite], COPPER, low)
    assert len(crystal) == 0
    assert (render_phases([crystal, titania()[0]], Instrument(COPPER), [Specimen()] * 2, low)[0] == 0).all()
    assert (reference.pattern(crystal, Instrument(COPPER), Specimen(), low) == 0).all()


def test_lines_that_strain_brings_into_range_are_included() -> None:
    """3% expansion brings reflections into the grid that are beyond its end for an unstrained lattice."""
    short = Grid(10.0, 60.0, 0.02)
    (crystal,) = reflections_in_range([titania()[1].phase], COPPER, short)
    everything = reflections(titania()[1].phase, 1.0)
    stretched = Specimen(strain=(0.03, 0.03, 0.03))
    expected = reference.pattern(everything, Instrument(COPPER), stretched, short)
    (found,) = render_phases([crystal], Instrument(COPPER), [stretched], short)
    assert np.abs(found - expected / expected.max()).max() < 1e-3  # tails from beyond the range are missing


# --- mixtures ---------------------------------------------------------------------------------------------------


def mixed(weights: list[float], crystals: list[Reflections], specimen: Specimen) -> np.ndarray:
    """One clean pattern of several phases."""
    one = fixed_conditions(Instrument(COPPER), [specimen] * len(crystals), range(len(crystals)))
    per_slot = {name: np.swapaxes(getattr(one, name), 0, 1) for name in
                ("phase", "strain", "size", "microstrain", "lorentzian", "axis", "march")}  # fmt: skip
    shared = {name: value[:1] for name, value in one._asdict().items() if name not in per_slot}
    conditions = Conditions(**{**shared, **per_slot, "weight": np.array([weights])})
    return render(pack(crystals, COPPER), conditions, GRID).intensity[0]


@settings(max_examples=15)
@given(share=st.floats(0.02, 0.98), pair=st.sampled_from([(0, 1), (0, 2), (1, 4), (2, 3)]))
def test_mixture_is_the_sum_of_its_parts_by_weight(share: float, pair: tuple[int, int]) -> None:
    """Each part is the reference pattern of one gram, which contains 1/(M V)."""
    crystals, specimen = [titania()[i] for i in pair], Specimen(size=30, march=0.8)
    parts = [reference.pattern(c, Instrument(COPPER), specimen, GRID) for c in crystals]
    expected = share * parts[0] + (1 - share) * parts[1]
    assert np.abs(mixed([share, 1 - share], crystals, specimen) - expected / expected.max()).max() < 5e-4


def test_only_the_ratio_of_weights_matters() -> None:
    crystals = list(titania()[:2])
    doubled = mixed([0.4, 1.2], crystals, Specimen())
    assert doubled == pytest.approx(mixed([0.2, 0.6], crystals, Specimen()), abs=1e-6)


def test_weights_are_recovered_from_the_clean_mixture() -> None:
    """The mixture is linear: least squares with the pure phases returns three weights exactly."""
    crystals, weights = list(titania()[:3]), [0.1, 0.6, 0.3]
    parts = np.array([reference.pattern(c, Instrument(COPPER), Specimen(), GRID) for c in crystals])
    found, *_ = np.linalg.lstsq(parts.T, mixed(weights, crystals, Specimen()), rcond=None)
    assert found / found.sum() == pytest.approx(weights, abs=1e-4)


def test_scale_is_one_over_mass_and_volume() -> None:
    """The same crystal with a doubled cell has twice the mass in it. A gram of it must scatter the same.

    Without the volume (or the mass) in the scale it would be twice as strong.
    """
    rutile = next(c.phase for c in titania() if c.phase.name == "rutile")
    a, b, c, *angles = rutile.cell
    cube = Phase("s", "", "P 1", (a, b, c, *angles), ("x,y,z",), (Site("Ti", "Ti", (0, 0, 0), 1, 0.01),), 47.9)
    sites = tuple(Site("Ti", "Ti", (0, 0, z), 1, 0.01) for z in (0.0, 0.5))
    twice = Phase("d", "", "P 1", (a, b, 2 * c, *angles), ("x,y,z",), sites, 95.8)
    once, double = (reference.pattern(reflections(p, 1.0), Instrument(COPPER), Specimen(), GRID) for p in (cube, twice))
    assert double == pytest.approx(once, rel=1e-6)
    half = mixed([0.5, 0.5], [reflections(p, 1.0) for p in (cube, twice)], Specimen())
    assert half == pytest.approx(once / once.max(), abs=5e-4)


# --- counting noise ---------------------------------------------------------------------------------------------


def flat(counts: float, samples: int, *, seed: int = 1) -> np.ndarray:
    """Counts on a background of 1 without any phase: independent draws with one mean."""
    one = fixed_conditions(Instrument(COPPER), [Specimen()], [-1])
    repeated = {name: np.repeat(value, samples, axis=0) for name, value in one._asdict().items()}
    background = np.zeros((samples, 5))
    background[:, 0] = 1.0
    changed = {
        "background": background,
        "counts": np.full(samples, counts),
        "sample": np.arange(samples, dtype=np.uint64),
    }
    return render(packed(), Conditions(**{**repeated, **changed}), GRID, seed=seed).intensity


@pytest.mark.parametrize("mean", [0.5, 2.0, 8.0, 11.9, 12.1, 15.0, 100.0, 1e4])
def test_noise_is_poisson_noise(mean: float) -> None:
    """Variance equals the mean, within the error of two million draws (and 0.1% for the normal approximation).

    The noise of the predecessor had a positive mean and never went below the signal. Uncorrected, the normal has a
    variance 5/36 too large, 0.9% at a mean of 15: forty times the bound.
    """
    found = flat(mean, 500).astype(float).ravel()
    assert (found >= 0).all()
    assert (found == np.round(found)).all()
    n = found.size
    slack = 1e-3 if mean >= 12 else 0.0
    assert found.mean() == pytest.approx(mean, abs=SIGMAS * np.sqrt(mean / n))
    assert found.var() == pytest.approx(mean, rel=SIGMAS * np.sqrt((2 + 1 / mean) / n) + slack)
    counted, law = np.unique(found), stats.poisson(mean)
    below = np.searchsorted(np.sort(found), counted, side="right") / n
    farthest = np.abs(below - law.cdf(counted)).max()
    assert farthest < (4e-3 if mean >= 12 else SIGMAS / 2 / np.sqrt(n))
    assert (found < mean).mean() == pytest.approx(law.cdf(np.ceil(mean) - 1), abs=3e-3)


def test_noise_of_a_pattern_has_the_pattern_as_its_mean() -> None:
    """Anatase on a background at 1,000 counts: the mean of 2,000 scans agrees with the clean pattern at each point."""
    n, grid = 2000, Grid(20.0, 60.0, 0.05)
    one = fixed_conditions(Instrument(COPPER), [Specimen(size=15)], [0])
    background = np.array([[0.3, 0.2, -0.1, 0.0, 0.05]])
    clean = Conditions(**{**one._asdict(), "background": background})
    expected = 1000 * render(packed(), clean, grid).intensity[0].astype(float)
    repeated = {name: np.repeat(value, n, axis=0) for name, value in clean._asdict().items()}
    noisy = Conditions(**{**repeated, "counts": np.full(n, 1000.0), "sample": np.arange(n, dtype=np.uint64)})
    found = render(packed(), noisy, grid, seed=3).intensity.astype(float)
    deviation = (found.mean(axis=0) - expected) / np.sqrt(expected / n)
    assert np.abs(deviation).max() < SIGMAS
    assert (deviation**2).mean() == pytest.approx(1.0, abs=SIGMAS * np.sqrt(2 / grid.size))
    assert found.var(axis=0).mean() == pytest.approx(expected.mean(), rel=0.01)
    under = (found < expected).mean(axis=0)
    assert under.min() > 0.4
    assert under.max() < 0.6


@pytest.mark.parametrize("half", [1, 7])
def test_smoothed_counts_are_a_moving_average(half: int) -> None:
    """Average of the same counts without smoothing, over fewer points at the ends."""
    one = fixed_conditions(Instrument(COPPER), [Specimen(size=15)], [0])
    noisy = one._replace(counts=np.array([1000.0]), background=np.array([[0.3, 0.2, -0.1, 0.0, 0.05]]))
    counts = render(packed(), noisy, GRID).intensity[0].astype(float)
    found = render(packed(), noisy._replace(smoothing=np.array([half])), GRID).intensity[0]
    window = np.ones(2 * half + 1)
    points = np.convolve(np.ones_like(counts), window, "same")
    assert points[[0, half, -1]].tolist() == [half + 1, 2 * half + 1, half + 1]
    assert found == pytest.approx(np.convolve(counts, window, "same") / points, rel=1e-6)


def test_noise_is_not_correlated() -> None:
    """Neighbouring points, neighbouring samples and neighbouring seeds are independent."""
    found = (flat(100.0, 60) - 100) / 10
    other = (flat(100.0, 60, seed=2) - 100) / 10
    bound = SIGMAS / np.sqrt(found.size)
    for left, right in ((found[:, 1:], found[:, :-1]), (found[1:], found[:-1]), (found, other)):
        assert abs(float((left * right).mean())) < 1.1 * bound


def test_bits_of_the_noise_are_uniform_and_independent() -> None:
    """Along a sample, for first numbers and strides with few and many bits set: each bit, and each pair of bits."""
    count = 1 << 14
    for first, stride in ((0, 1), (0x9E3779B9, 0x85EBCA6B), (1, 0x80000001)):
        hashes = np.array([hashed(np.uint32((first + i * stride) & 0xFFFFFFFF)) for i in range(count)])
        bits = 2.0 * ((hashes[:, None] >> np.arange(32)) & 1) - 1
        agreement = bits.T @ bits / count
        assert np.abs(bits.mean(axis=0)).max() < SIGMAS / np.sqrt(count)
        assert np.abs(agreement - np.eye(32)).max() < SIGMAS / np.sqrt(count)
        assert np.abs((bits[1:].T @ bits[:-1]) / count).max() < SIGMAS / np.sqrt(count)


# --- samples from (seed, i) -------------------------------------------------------------------------------------


def drawn(seed: int, first: int, count: int, recipe: Recipe | None = None) -> Conditions:
    recipe, numbers = recipe or Recipe(), draws(seed, first, count)
    content = draw_mixtures(recipe, numbers, library=5, strangers=0)
    return draw_conditions(recipe, numbers, content, packed(), GRID)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**64 - 1), sample=st.integers(0, 2**40), before=st.integers(0, 4), after=st.integers(0, 4))
def test_a_sample_is_the_same_alone_and_in_any_batch(seed: int, sample: int, before: int, after: int) -> None:
    alone = render(packed(), drawn(seed, sample, 1), GRID, seed=seed)
    first = max(0, sample - before)
    batch = render(packed(), drawn(seed, first, sample - first + 1 + after), GRID, seed=seed)
    assert (batch.intensity[sample - first] == alone.intensity[0]).all()
    assert (batch.signal[sample - first] == alone.signal[0]).all()


def test_seeds_and_samples_differ() -> None:
    found = render(packed(), drawn(1, 0, 4), GRID, seed=1).intensity
    other = render(packed(), drawn(2, 0, 4), GRID, seed=2).intensity
    everything = np.concatenate([found, other])
    assert len(np.unique(everything, axis=0)) == 8


def test_seed_out_of_range_is_refused() -> None:
    for seed in (-1, 2**64):
        with pytest.raises(RecipeError, match=f"seed {seed} "):
            draws(seed, 0, 1)


@given(name=st.text(min_size=1, max_size=20), more=st.integers(2, 50))
def test_each_name_has_its_own_stream(name: str, more: int) -> None:
    """The numbers of a name do not depend on other draws or on the number of slots."""
    numbers = draws(7, 100, 6)
    expected = numbers.uniform(name, 2)
    numbers.uniform("something else", 9)
    assert (numbers.uniform(name, more)[:, :2] == expected).all()
    assert (draws(7, 103, 1).uniform(name, 2) == expected[3:4]).all()
    assert not (numbers.uniform(name + "x", 2) == expected).any()
    assert 0 < expected.min() <= expected.max() < 1


def test_changing_one_quantity_does_not_change_others() -> None:
    plain = drawn(5, 0, 200)
    changed = drawn(5, 0, 200, dataclasses.replace(Recipe(), microstrain=Constant(0.002), humps=0.0))
    differing = {
        name for name in Conditions._fields if not np.array_equal(getattr(plain, name), getattr(changed, name))
    }
    assert differing == {"microstrain", "humps"}


def test_uniform_numbers_are_uniform_and_independent() -> None:
    numbers = draws(11, 0, 20000)
    left, right = numbers.uniform("left")[:, 0], numbers.uniform("right")[:, 0]
    following = draws(12, 0, 20000).uniform("left")[:, 0]
    assert stats.kstest(left, "uniform").pvalue > 1e-4
    for other in (right, following, np.roll(left, 1)):
        assert abs(np.corrcoef(left, other)[0, 1]) < SIGMAS / np.sqrt(20000)


# --- distributions ----------------------------------------------------------------------------------------------

BATCH = 20000


@functools.cache
def population() -> tuple[Content, Conditions]:
    recipe, numbers = Recipe(), draws(3, 0, BATCH)
    content = draw_mixtures(recipe, numbers, library=5, strangers=0)
    return content, draw_conditions(recipe, numbers, content, packed(), GRID)


def assert_follows(found: np.ndarray, distribution: object) -> None:
    """Kolmogorov-Smirnov test against scipy's distribution with the same parameters."""
    law = {
        Uniform: lambda d: stats.uniform(d.low, d.high - d.low),
        LogUniform: lambda d: stats.loguniform(d.low, d.high),
        Normal: lambda d: stats.norm(d.mean, d.deviation),
    }[type(distribution)](distribution)
    assert stats.kstest(found.ravel(), law.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", ["size", "microstrain", "lorentzian", "zero", "air", "counts"])
def test_drawn_quantity_follows_the_recipe(name: str) -> None:
    found = getattr(population()[1], name)
    assert_follows(found[:, 0] if found.ndim > 1 else found, getattr(Recipe(), name))


def test_derived_quantities_follow_the_recipe() -> None:
    recipe, (content, found) = Recipe(), population()
    assert_follows(found.tilt * np.radians(185.0) / 2, recipe.displacement)
    assert_follows(np.sqrt(found.resolution[:, 2]), recipe.resolution)
    assert_follows(found.resolution[:, 0] / found.resolution[:, 2], recipe.resolution_slope)
    total = (found.resolution[:, 3] + found.resolution[:, 4]) / np.sqrt(found.resolution[:, 2])
    assert_follows(total, recipe.instrument_lorentzian)
    assert_follows(found.background[:, 0], recipe.background)
    assert_follows(found.background[:, 2], recipe.slope)
    assert_follows(found.span[:, 0], recipe.start)
    assert_follows(found.span[:, 1], recipe.stop)
    textured = found.march[:, 0] != 1.0
    assert textured.mean() == pytest.approx(recipe.textured, abs=0.02)
    assert_follows(found.march[textured, 0], recipe.march)
    assert (found.polarisation < 1).mean() == pytest.approx(recipe.monochromator, abs=0.02)
    hump = found.humps[:, 0, 2] > 0
    assert hump.mean() == pytest.approx(recipe.humps, abs=0.02)
    assert_follows(found.humps[hump, 0, 2], recipe.hump)
    assert (found.humps[..., 1] >= 2).all()
    assert (found.sample == np.arange(BATCH)).all()
    assert found.phase is content.phase


def test_strains_are_a_dilation_and_allowed_strains() -> None:
    """Without free strain every phase of a sample keeps its shape: Σ cᵢ Eᵢ is a multiple of the unit tensor."""
    recipe = dataclasses.replace(Recipe(), strain=Constant(0.0), dilation=Normal(0.0, 0.004))
    found = drawn(9, 0, 500, recipe)
    tensors = np.einsum("bsk,bskij->bsij", found.strain, packed().strains[np.maximum(found.phase, 0)])
    size = np.einsum("bsii->bs", tensors) / 3
    assert tensors == pytest.approx(size[..., None, None] * np.eye(3), abs=1e-12)
    assert_follows(size[:, 0], recipe.dilation)
    free = drawn(9, 0, 500)
    anatase = (free.phase == 0) & (np.arange(5) < 4)
    assert (free.strain[anatase][:, 2:] == 0).all()
    assert (np.abs(free.strain[anatase][:, :2]).min(axis=0) > 0).all()


def test_mixtures_hold_different_phases_and_weights_sum_to_one() -> None:
    content, _ = population()
    present = content.phase >= 0
    assert content.weight.sum(axis=1) == pytest.approx(present.any(axis=1).astype(float))
    assert ((content.weight > 0) == present).all()
    for row in content.phase[:500]:
        assert len(set(row[row >= 0])) == (row >= 0).sum()
    assert content.phase.max() == 4


def test_number_of_phases_follows_the_recipe() -> None:
    """`Uniform(1, 5)` gives 1, 2, 3 or 4 equally often, `Constant(2)` two phases. (`CLEAN`, with 1, once gave 2.)"""
    for phases, counts in ((Uniform(1.0, 5.0), [1, 2, 3, 4]), (Constant(2.0), [2]), (Uniform(0.0, 2.0), [0, 1])):
        recipe = dataclasses.replace(CLEAN, phases=phases, dominance=Constant(1.2))
        content = draw_mixtures(recipe, draws(4, 0, BATCH), library=5, strangers=0)
        found, times = np.unique((content.phase >= 0).sum(axis=1), return_counts=True)
        assert found.tolist() == counts
        assert times / BATCH == pytest.approx(1 / len(counts), abs=0.02)
    alone = draw_mixtures(CLEAN, draws(4, 0, 100), library=5, strangers=0)
    assert ((alone.phase >= 0).sum(axis=1) == 1).all()


def test_all_phases_are_drawn_equally_often() -> None:
    content, _ = population()
    times = np.bincount(content.phase[content.phase >= 0], minlength=5)
    assert times / times.mean() == pytest.approx(np.ones(5), abs=0.03)


def test_library_smaller_than_the_slots() -> None:
    content = draw_mixtures(Recipe(), draws(4, 0, 300), library=2, strangers=0)
    assert (content.phase >= 0).sum(axis=1).max() == 2
    assert content.phase.max() == 1


def test_phases_outside_the_library_are_in_the_last_slot_at_their_share() -> None:
    content = draw_mixtures(Recipe(), draws(4, 0, BATCH), library=5, strangers=30)
    last = content.phase[:, -1]
    assert (last >= 0).mean() == pytest.approx(Recipe().strangers, abs=0.02)
    assert (last[last >= 0].min(), last.max()) == (5, 34)
    assert content.phase[:, :-1].max() == 4
    none = draw_mixtures(dataclasses.replace(Recipe(), strangers=0.0), draws(4, 0, 500), library=5, strangers=30)
    assert none.phase.max() == 4


def test_dominance_widens_the_weights() -> None:
    recipe = dataclasses.replace(Recipe(), phases=Constant(2.0), dominance=Constant(0.0))
    content = draw_mixtures(recipe, draws(4, 0, BATCH), library=5, strangers=0)
    assert content.weight[content.phase >= 0] == pytest.approx(0.5)
    wide = draw_mixtures(
        dataclasses.replace(recipe, dominance=Constant(1.2)), draws(4, 0, BATCH), library=5, strangers=0
    )
    ratio = np.log(wide.weight[:, 0] / wide.weight[:, 1])
    assert stats.kstest(ratio, stats.norm(0, 1.2 * np.sqrt(2)).cdf).pvalue > 1e-4


def test_single_phases_are_the_given_ones() -> None:
    content = single_phases(draws(0, 0, 3), phases=np.array([4, 0, 2]))
    assert content.phase.tolist() == [[4], [0], [2]]
    assert (content.weight == 1).all()


@pytest.mark.parametrize("low", [0.0, -1.0, 3.0])
def test_impossible_log_range_is_refused(low: float) -> None:
    with pytest.raises(RecipeError, match="0 < low <= high"):
        LogUniform(low, 2.0)


def test_recipe_becomes_plain_text() -> None:
    plain = Recipe().to_dict()
    assert plain["size"] == {"LogUniform": {"low": 4.0, "high": 500.0}}
    assert plain["textured"] == 0.7
    assert plain["wavelength"] == "CuKa"


def test_line_positions_of_other_tubes_follow_braggs_law() -> None:
    """Strongest line of anatase with Co Kα1, compared with its position for Cu Kα1."""
    crystal = titania()[0]
    places = []
    for tube in ("CuKa1", "CoKa1"):
        (found,) = render_phases([crystal], Instrument(emission(tube)), [Specimen()], GRID)
        places.append(GRID.two_theta[found.argmax()])
    sine = np.sin(np.radians(places[0] / 2)) * 1.7889960 / 1.5405929
    assert places[1] == pytest.approx(2 * np.degrees(np.arcsin(sine)), abs=0.02)


def test_second_line_has_its_weight() -> None:
    """The second line of an artificial doublet with a large splitting has half the area of the first."""
    pair = (Line(1.5, 1.0), Line(1.6, 0.5))
    (crystal,) = reflections_in_range([titania()[0].phase], pair, Grid(20, 30, 0.01))
    (found,) = render_phases([crystal], Instrument(pair), [Specimen(size=60)], Grid(20, 30, 0.01))
    angle = Grid(20, 30, 0.01).two_theta
    first, second = (found[np.abs(angle - 2 * np.degrees(np.arcsin(w / 2 / 3.5165))) < 0.5].sum() for w in (1.5, 1.6))
    lp = [(1 + np.cos(2 * t) ** 2) / np.sin(t) ** 2 / np.cos(t) for t in np.arcsin(np.array([1.5, 1.6]) / 2 / 3.5165)]
    assert second / first == pytest.approx(0.5 * lp[1] / lp[0], rel=0.02)
