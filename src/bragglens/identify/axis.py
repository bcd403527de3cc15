"""Axis: whether a scan that its phases do not explain would be explained if its axis were another than stated.

A first look lays the strongest lines of every phase where each mistake would show them, by the matched filter that the
search screens with. What comes out best is then fitted as any scan is, and is worth a notice only where that fit names
phases and leaves little of the scan. The answer stays what it was: a notice asks, and never decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks
from threadpoolctl import threadpool_limits

from bragglens.crystal.phase import Phase
from bragglens.errors import ScanError
from bragglens.identify.atlas import STRETCHES
from bragglens.identify.confidence import confidence, proofs
from bragglens.identify.fit import Fit
from bragglens.identify.observed import LINE, Observed, moving_average, observe
from bragglens.identify.refine import Candidates, candidates, states
from bragglens.identify.residual import unexplained
from bragglens.identify.search import Found, no_prior, search
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.formulas import displacement_shift
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import TUBES, Instrument, Line, strongest_line
from bragglens.simulate.reference import sticks
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

BADLY = 0.15  # share of the peaks' intensity beyond which a scan is looked at again
LARGEST_OFFSET = 0.5  # degrees; a diffractometer in order, with a specimen at its height, is less off
_MOST_PHASES = 1000  # for more the look would cost more than the answer
_POINTS = 1200  # 0.06° for scans over seventy degrees
_LINES = 20  # strongest of each phase, in the first look
_SHORTEST = 1.0  # Å; hardly any of them has a smaller d
_SHIFTS = np.linspace(-0.3, 0.3, 7)  # degrees, tried about each mistake
_BLUR = 0.2  # degrees; lines that miss a peak by less still meet it
_OFFSETS = (0.8, 1.2, 1.6, 2.0, 2.4)  # degrees; smaller ones a fit finds by itself
_ROUNDED = 5e-4  # relative; tables of wavelengths differ by less, and so do values of three decimals
_OTHER_TUBE = 0.02  # relative; wavelengths nearer than this are one tube's
_TRIED = 3  # mistakes that are put to the proof, of those that the first look puts first
_FITTED = 6  # phases, of those that the first look puts first
# When a fit is worth a notice; chosen on measured scans, most of those of `benchmarks/axis.py` in view.
_BETTER = 1.1  # times the gain of the best phase on the axis as stated
_LEFT = 0.3  # share of the peaks that may be left unexplained, and half of what is left on the axis as stated
_DOUBT = 0.2  # probability that none of the phases is there
_PEAKS = 2  # a phase at least, and one more: three phases for four peaks explain anything
_FAINT = 0.03  # of the highest peak; fainter ones are not counted


@dataclass(frozen=True)
class Mistake:
    """A mistake that may have been made with an axis.

    Attributes:
        wavelength: Å that the scan was taken at, were it so.
        shown: where the axis as given shows a true 2θ.
        true: the 2θ that stands behind an angle of the axis.
        notice: what to say, with {phases}, and {offset} in degrees.
    """

    wavelength: float
    shown: Callable[[Array], Array]
    true: Callable[[Array], Array]
    notice: str


def another_axis(scan: Scan, phases: Sequence[Phase], *, wavelength: float, left: float = 1.0) -> str | None:
    """A notice in one sentence where the scan is explained far better on another axis than the one stated, else None.

    Looked for are the tubes of `instrument.TUBES` in place of the stated wavelength, θ given as 2θ, and offsets of
    0.5 to 2.7 degrees.

    Args:
        scan: as read.
        phases: that may be there.
        wavelength: Å as stated.
        left: share of the peaks' intensity that is unexplained on the axis as stated.
    """
    if len(phases) > _MOST_PHASES:
        return None
    # single points above zero may be none on a coarser axis, or in the part that another one leaves: nothing is noticed
    with threadpool_limits(1), suppress(ScanError):
        scan = _coarse(scan)
        observed = observe(scan)
        lines = _strongest(tuple(phases), wavelength)
        stated = _gains(observed, lines, _as_stated(wavelength)).max()
        looks = [(mistake, _gains(observed, lines, mistake)) for mistake in _mistakes(wavelength)]
        for mistake, gains in _first_of_each(looks, least=_BETTER * stated):
            first = [phases[i] for i in np.argsort(-gains)[:_FITTED]]
            notice = _notice(scan, first, mistake, peaks=_count(observed), most_left=min(_LEFT, left / 2))
            if notice:
                return notice
    return None


def wavelength_notice(scan: Scan, used: float) -> list[str]:
    """A note where a scan is looked at by another wavelength in Å than its file states, beyond what rounding makes."""
    if scan.wavelength is None or abs(strongest_line(scan.wavelength) / used - 1) < _ROUNDED:
        return []
    stated, given = (f"{value:.5g} Å{_tube(value)}" for value in (scan.wavelength, used))
    return [f"the file states a wavelength of {stated}; {given} was given and is used: check which one is right"]


def _tube(wavelength: float) -> str:
    """The tube whose Kα has this wavelength, in parentheses, or nothing."""
    near = [anode for anode, (first, _, _) in TUBES.items() if abs(strongest_line(wavelength) / first - 1) < _ROUNDED]
    return f" ({near[0]}Ka)" if near else ""


def offset_notice(fit: Fit) -> str | None:
    """A notice where a fit had to shift the axis by more than LARGEST_OFFSET, else None."""
    if not fit.specimens:
        return None
    shift = _shift(fit.instrument, fit.specimens[0], fit.two_theta)
    if abs(shift) <= LARGEST_OFFSET:
        return None
    return f"offset? the fit took 2θ to be {_too_far(shift)}: check the zero of the axis and the specimen's height"


# --- mistakes ---------------------------------------------------------------------------------------------------


def _as_stated(wavelength: float, notice: str = "") -> Mistake:
    return Mistake(wavelength, lambda angle: angle, lambda angle: angle, notice)


def _mistakes(wavelength: float) -> list[Mistake]:
    """The mistakes that are looked for."""
    other = "wavelength? the lines fit {{phases}} at {0}Ka ({1:.4f} Å), where {2:.4f} Å was stated: check, and give "
    tubes = [
        _as_stated(first, (other + "--wavelength {0}Ka").format(anode, first, wavelength))
        for anode, (first, _, _) in TUBES.items()
        if abs(first / wavelength - 1) > _OTHER_TUBE
    ]
    half = "axis? the lines fit {phases} if its angles are θ, given as 2θ: check, and name the column theta"
    theta = Mistake(wavelength, lambda angle: angle / 2, lambda angle: 2 * angle, half)
    return [*tubes, theta, *(_offset(wavelength, sign * offset) for offset in _OFFSETS for sign in (-1, 1))]


def _offset(wavelength: float, offset: float) -> Mistake:
    notice = "offset? the lines fit {phases} if 2θ is {offset}: check the zero of the axis"
    return Mistake(wavelength, lambda angle: angle + offset, lambda angle: angle - offset, notice)


# --- the first look ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _strongest(phases: tuple[Phase, ...], wavelength: float) -> tuple[Array, Array]:
    """d in Å and area over that of the strongest, of the strongest lines of each phase, (phases, _LINES)."""
    stop = 2 * float(np.degrees(np.arcsin(min(0.98, wavelength / 2 / _SHORTEST))))
    grid = Grid(stop / 2, stop, stop / 200)
    d, area = np.full((len(phases), _LINES), np.nan), np.zeros((len(phases), _LINES))
    for i, crystal in enumerate(reflections_in_range(phases, (Line(wavelength, 1.0),), grid)):
        lines = sticks(crystal, wavelength=wavelength)
        first = np.argsort(-lines.area)[:_LINES]
        d[i, : len(first)], area[i, : len(first)] = lines.d[first], lines.area[first] / lines.area.max(initial=1e-300)
    return d, area


def _gains(observed: Observed, lines: tuple[Array, Array], mistake: Mistake) -> Array:
    """By how much chi2 would fall with each phase alone, lattice and shift at their best, (phases,)."""
    d, area = lines
    grid = observed.grid
    with np.errstate(invalid="ignore"):
        true = 2 * np.degrees(np.arcsin(mistake.wavelength / (2 * d[:, :, None] * (1 + STRETCHES))))
    angle = mistake.shown(true)[..., None] + _SHIFTS
    inside = (angle >= grid.start) & (angle <= grid.stop)
    place = np.where(inside, (np.where(inside, angle, grid.start) - grid.start) / grid.step + 0.5, 0).astype(np.intp)
    peaks = moving_average(observed.peaks, max(1, int(_BLUR / grid.step) | 1)) / observed.sigma
    drawn = np.where(inside, area[:, :, None, None], 0.0) / observed.sigma[place]
    overlap = np.maximum((drawn * peaks[place]).sum(axis=1), 0)
    gain = overlap**2 / np.maximum((drawn**2).sum(axis=1), 1e-300)
    return np.asarray(gain.reshape(len(d), -1).max(axis=1))


def _coarse(scan: Scan) -> Scan:
    """The mean of as many neighbouring points as leave _POINTS at least: a second look must not cost as much."""
    points = max(1, scan.two_theta.size // _POINTS)
    whole = scan.two_theta.size // points * points
    angle, counts = (values[:whole].reshape(-1, points).mean(axis=1) for values in (scan.two_theta, scan.counts))
    return replace(scan, two_theta=angle, counts=counts)


def _first_of_each(looks: list[tuple[Mistake, Array]], *, least: float) -> list[tuple[Mistake, Array]]:
    """The looks of the largest gains, at least `least`; of offsets to the same side one."""
    kinds: dict[tuple[str, float], tuple[Mistake, Array]] = {}
    for mistake, gains in sorted(looks, key=lambda look: -float(look[1].max())):
        side = float(np.sign(mistake.shown(np.zeros(1))[0]))
        if gains.max() >= least:
            kinds.setdefault((mistake.notice, side), (mistake, gains))
    return list(kinds.values())[:_TRIED]


def _count(observed: Observed) -> int:
    """Peaks that stand out of the noise."""
    points = max(1, int(LINE / observed.grid.step) | 1)
    peaks = moving_average(observed.peaks, points)
    least = np.maximum(5 * observed.noise / np.sqrt(points), _FAINT * peaks.max())
    return len(find_peaks(peaks, height=least, prominence=least, distance=points)[0])


# --- the proof --------------------------------------------------------------------------------------------------


def _notice(scan: Scan, phases: Sequence[Phase], mistake: Mistake, *, peaks: int, most_left: float) -> str | None:
    """The notice of a mistake, where a fit on the axis that it would leave true bears it out."""
    angle = mistake.true(scan.two_theta)
    kept = (angle > 1) & (angle < 175)
    if kept.sum() < len(kept) / 2:
        return None
    moved = replace(scan, two_theta=angle[kept], counts=scan.counts[kept], wavelength=mistake.wavelength)
    observed = observe(moved)
    known = candidates(phases, instrument_of(moved), observed.grid.stop)
    found = search(known, observed, range(len(phases)), no_prior(len(phases)))
    left, _ = unexplained(observed, found.solution, mistake.wavelength)
    likely = _likely(known, observed, found, left)
    none_there = float(np.prod([1 - p for p in likely.values()]))
    if not likely or none_there > _DOUBT or left > most_left or peaks <= _PEAKS * len(likely):
        return None
    instrument, specimens = states(known, found.solution.state)
    shift = _shift(instrument, specimens[0], observed.grid.two_theta) + float((mistake.shown(angle) - angle).mean())
    names = sorted(likely, key=lambda name: -likely[name])[:3]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return mistake.notice.format(phases=listed, offset=_too_far(shift))


def _likely(known: Candidates, observed: Observed, found: Found, left: float) -> dict[str, float]:
    """The phases of a fit that are there rather than not, and how probable each is by the fit alone."""
    names = [known.phases[one.phase].name for one in found.phases]
    all_proofs = proofs(known, observed, found, left)
    likely = {name: confidence(proof, 0.5) for name, proof in zip(names, all_proofs, strict=True)}
    return {name: p for name, p in likely.items() if p >= 0.5}


def _shift(instrument: Instrument, specimen: Specimen, two_theta: Array) -> float:
    """Mean shift of the axis by zero error and displacement together, in degrees."""
    moved = displacement_shift(two_theta=two_theta, displacement=specimen.displacement, radius=instrument.radius)
    return instrument.zero + float(moved.mean())


def _too_far(shift: float) -> str:
    return f"{abs(shift):.1f}° too {'high' if shift > 0 else 'low'}"
