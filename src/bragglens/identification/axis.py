"""Axis: whether an unexplained scan would be explained with another axis than the stated one.

Each kind of mistake is tested first by a matched filter, as in the screening of the search: the strongest lines of each
phase are placed where the mistake would put them. Of a large library only the phases that line matching ranks first on
the tested axis are used. The best result is then fitted like any scan. A notice follows only if that fit names phases,
leaves little of the scan unexplained, and has more lines than its lattices could place by themselves. The answer itself
is not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bragglens.crystal.phase import Phase
from bragglens.errors import ScanError
from bragglens.fit.atlas import stretches
from bragglens.fit.candidates import candidates, instrument_and_specimens, largest_strains
from bragglens.fit.found import Found, no_prior
from bragglens.fit.observed import Observed, moving_average, observe
from bragglens.fit.peaks import peaks as tops_of
from bragglens.fit.problem import Problem
from bragglens.fit.residual import unexplained
from bragglens.fit.search import search
from bragglens.fit.whole_pattern import fit_of
from bragglens.identification.axis_notices import (
    LARGEST_OFFSET,
    ROUNDED,
    STRAIN_STATED,
    common_strain,
    mean_shift,
    too_far,
)
from bragglens.identification.features import fit_features
from bragglens.identification.posterior import posterior
from bragglens.match.catalogue import Catalogue
from bragglens.match.features import scaled
from bragglens.match.line_matching import match_lines
from bragglens.match.line_matching import peaks as peaks_of
from bragglens.match.reference_lines import PREPARATION
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.prepare import to_grid
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import TUBES, strongest_line

Array = NDArray[np.float64]

_POINTS = 1200  # 0.06° for scans over seventy degrees
_MOST_FILTERED = 150  # phases of the matched filter, the best of line matching
_LINES = 20  # strongest of each phase, in the matched filter
_SHIFTS = np.linspace(-0.3, 0.3, 7)  # degrees, tried around each mistake
_BLUR = 0.2  # degrees; lines that miss a peak by less still overlap it
_OFFSETS = (0.8, 1.2, 1.6, 2.0, 2.4)  # degrees; the fit itself finds smaller ones
_TUBE, _HIGH, _LOW = "tube", "high", "low"  # kinds of mistakes
_OTHER_TUBE = 0.02  # relative; wavelengths closer than this belong to one tube
_STRETCHED = (0.02, 0.03)  # relative; the fit takes up smaller ones as lattice strain
_TRIED = 3  # mistakes that are fitted, the best of the matched filter
_FITTED = 6  # phases that are fitted, the best of the matched filter
# Conditions for a notice. They were chosen on measured scans, including most of those of `benchmarks/axis.py`.
_LEAST_GAIN = 1.1  # times the gain of the best phase on the axis as stated
# largest unexplained share of the peaks; also at most half of the share on the axis as stated
_LARGEST_UNEXPLAINED = 0.3
_LARGEST_DOUBT = 0.2  # probability that none of the phases is present
_PEAKS_PER_PHASE = 2  # peaks per phase, which must be exceeded: three phases for four peaks explain anything
_WEAKEST_PEAK = 0.03  # of the highest peak; weaker peaks are not counted
# Lines beyond those that a lattice can place by itself. A wavelength cannot be separated from the edge of a cubic cell,
# and every metal of one type has the same six or seven lines. Such a phase is evidence for a wavelength only by more
# lines.
_LINES_OF_CUBIC = 7
_MORE_LINES = 2
# where the file states the wavelength: two or three phases with few lines do not contradict it
_MORE_LINES_IF_STATED = 8


@dataclass(frozen=True)
class Mistake:
    """A possible mistake in an axis.

    Attributes:
        wavelength: Å of the radiation if the mistake was made.
        shown: displayed angle for a true 2θ.
        true: true 2θ for a displayed angle.
        notice: its text, with {phases}, and {offset} in degrees.
        kind: of mistakes of one kind only the best is reported.
        stretch: relative amount by which all angles are too large.
    """

    wavelength: float
    shown: Callable[[Array], Array]
    true: Callable[[Array], Array]
    notice: str
    kind: str = ""
    stretch: float = 0.0


def another_axis(
    scan: Scan,
    known: Catalogue,
    allowed: NDArray[np.bool_],
    *,
    wavelength: float,
    left: float = 1.0,
    policy: Policy = DEFAULT,
) -> str | None:
    """A notice in one sentence if another axis explains the scan far better than the stated one, else None.

    Tested are: the tubes of `instrument.TUBES` in place of the stated wavelength, θ given as 2θ, offsets of 0.5 to
    2.7 degrees, and axes stretched or compressed by 2 or 3%.

    Args:
        scan: as read.
        known: phases that may be present.
        allowed: which of them, (phases,).
        wavelength: Å as stated.
        left: share of the peaks' intensity that is unexplained on the axis as stated.
        policy: the thresholds of the fit.
    """
    # on a coarser axis, or in the part inside another axis, no point may be above zero: then there is no notice
    with threadpool_limits(1), suppress(ScanError):
        scan = _coarse(scan)
        observed = observe(scan, policy)
        stated = _look(scan, observed, known, allowed, _as_stated(wavelength)).best
        looks = [_look(scan, observed, known, allowed, mistake) for mistake in _mistakes(wavelength)]
        for look in _first_of_each(looks, least=_LEAST_GAIN * stated):
            first = [known.library.phases[row] for row in look.rows[:_FITTED]]
            notice = _notice(scan, first, look.mistake, wavelength, peaks=_count(observed), left=left, policy=policy)
            if notice:
                return notice
    return None


# --- mistakes ---------------------------------------------------------------------------------------------------


def _as_stated(wavelength: float, notice: str = "", kind: str = "") -> Mistake:
    return Mistake(wavelength, lambda angle: angle, lambda angle: angle, notice, kind)


def _mistakes(wavelength: float) -> list[Mistake]:
    """The mistakes that are tested."""
    other = "wavelength? the lines fit {{phases}} at {0}Ka ({1:.4f} Å), where {2:.4f} Å was stated: check, and give "
    tubes = [
        _as_stated(first, (other + "--wavelength {0}Ka").format(anode, first, wavelength), _TUBE)
        for anode, (first, _, _) in TUBES.items()
        if abs(first / wavelength - 1) > _OTHER_TUBE
    ]
    half = "axis? the lines fit {phases} if its angles are θ, given as 2θ: check, and name the column theta"
    theta = Mistake(wavelength, lambda angle: angle / 2, lambda angle: 2 * angle, half, "theta")
    offsets = [_offset(wavelength, sign * offset) for offset in _OFFSETS for sign in (-1, 1)]
    return [*tubes, theta, *offsets, *(_stretch(wavelength, sign * share) for share in _STRETCHED for sign in (-1, 1))]


def _offset(wavelength: float, offset: float) -> Mistake:
    notice = "offset? the lines fit {phases} if 2θ is {offset}: check the zero of the axis"
    kind = _HIGH if offset > 0 else _LOW
    return Mistake(wavelength, lambda angle: angle + offset, lambda angle: angle - offset, notice, kind)


def _stretch(wavelength: float, share: float) -> Mistake:
    kind = "stretched" if share > 0 else "compressed"
    notice = (
        f"axis? the lines fit {{phases}} if 2θ is {kind} by about {100 * abs(share):.0f}%: check the step of the axis"
    )
    return Mistake(
        wavelength, lambda angle: angle * (1 + share), lambda angle: angle / (1 + share), notice, kind, share
    )


# --- the matched filter -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """Result of the matched filter for a mistake: rows of phases, best first, and decrease of chi2 with the best."""

    mistake: Mistake
    rows: NDArray[np.intp]
    best: float


def _look(scan: Scan, observed: Observed, known: Catalogue, allowed: NDArray[np.bool_], mistake: Mistake) -> _Look:
    rows = np.flatnonzero(allowed)
    most = _MOST_FILTERED
    if len(rows) > most:
        rows = _by_line_matching(scan, known, rows, mistake, most)
    if not len(rows):
        return _Look(mistake, rows, 0.0)
    gains = _gains(observed, _strongest(known, rows, mistake.wavelength), mistake)
    return _Look(mistake, rows[np.argsort(-gains)], float(gains.max()))


def _by_line_matching(
    scan: Scan, known: Catalogue, rows: NDArray[np.intp], mistake: Mistake, most: int
) -> NDArray[np.intp]:
    """The `most` phases that explain most of the scan if the mistake was made; none where too little remains."""
    try:
        pattern = to_grid(_moved(scan, mistake), PREPARATION, wavelength=mistake.wavelength)
    except ScanError:
        return rows[:0]
    intensity, accounted = scaled(pattern.intensity, pattern.covered, np.zeros(pattern.grid.size))
    rank = match_lines(peaks_of(intensity, pattern.covered, accounted), known.reference_lines).rank[rows]
    return rows[np.argsort(-rank, kind="stable")[:most]]


def _strongest(known: Catalogue, rows: NDArray[np.intp], wavelength: float) -> tuple[Array, Array]:
    """d in Å and relative area of the strongest lines of each phase, (phases, _LINES)."""
    lines = known.lines.of(rows)
    _, area = lines.intensity(wavelength)
    first = np.argsort(-area, axis=1, kind="stable")[:, :_LINES]
    area = np.take_along_axis(area, first, axis=1)
    d = np.where(area > 0, np.take_along_axis(lines.d.astype(float), first, axis=1), np.nan)
    return d, area / np.maximum(area[:, :1], 1e-300)


def _gains(observed: Observed, lines: tuple[Array, Array], mistake: Mistake) -> Array:
    """Decrease of chi2 with each phase alone at its best lattice and shift, (phases,)."""
    d, area = lines
    grid = observed.grid
    with np.errstate(invalid="ignore"):
        true = 2 * np.degrees(np.arcsin(mistake.wavelength / (2 * d[:, :, None] * (1 + stretches()))))
    angle = mistake.shown(true)[..., None] + _SHIFTS
    inside = (angle >= grid.start) & (angle <= grid.stop)
    place = np.where(inside, (np.where(inside, angle, grid.start) - grid.start) / grid.step + 0.5, 0).astype(np.intp)
    peaks = moving_average(observed.peaks, max(1, int(_BLUR / grid.step) | 1)) / observed.sigma
    drawn = np.where(inside, area[:, :, None, None], 0.0) / observed.sigma[place]
    overlap = np.maximum((drawn * peaks[place]).sum(axis=1), 0)
    gain = overlap**2 / np.maximum((drawn**2).sum(axis=1), 1e-300)
    return np.asarray(gain.reshape(len(d), -1).max(axis=1))


def _coarse(scan: Scan) -> Scan:
    """The scan with neighbouring points averaged, at least _POINTS of them, so that the test is quick."""
    points = max(1, scan.two_theta.size // _POINTS)
    whole = scan.two_theta.size // points * points
    angle, counts = (values[:whole].reshape(-1, points).mean(axis=1) for values in (scan.two_theta, scan.counts))
    return replace(scan, two_theta=angle, counts=counts)


def _first_of_each(looks: Sequence[_Look], *, least: float) -> list[_Look]:
    """The looks with the largest gains, at least `least`: one for each kind of mistake, and one for each tube."""
    kinds: dict[tuple[str, float], _Look] = {}
    for look in sorted(looks, key=lambda look: -look.best):
        if look.best > 0 and look.best >= least:
            kinds.setdefault((look.mistake.kind, look.mistake.wavelength), look)
    return list(kinds.values())[:_TRIED]


def _moved(scan: Scan, mistake: Mistake) -> Scan:
    """The scan on the axis that is right if the mistake was made.

    Raises:
        ScanError: half of it would lie at impossible angles.
    """
    angle = mistake.true(scan.two_theta)
    kept = (angle > 1) & (angle < 175)
    if kept.sum() < len(kept) / 2:
        raise ScanError(f"{scan.name}: most of its angles are impossible: check the axis")
    return replace(scan, two_theta=angle[kept], counts=scan.counts[kept], wavelength=mistake.wavelength)


def _count(observed: Observed) -> int:
    """Number of peaks above the noise."""
    points = observed.points_a_line
    peaks = moving_average(observed.peaks, points)
    least = np.maximum(5 * observed.noise / np.sqrt(points), _WEAKEST_PEAK * peaks.max())
    return len(tops_of(peaks, height=least, prominence=least, distance=points))


# --- the fit ----------------------------------------------------------------------------------------------------


def _notice(
    scan: Scan, phases: Sequence[Phase], mistake: Mistake, wavelength: float, *, peaks: int, left: float, policy: Policy
) -> str | None:
    """The notice of a mistake if a fit on the corrected axis confirms it."""
    with suppress(ScanError):
        moved = _moved(scan, mistake)
        observed = observe(moved, policy)
        problem = Problem(candidates(phases, instrument_of(moved), observed.grid.stop), observed)
        problem, found = search(problem, range(len(phases)), no_prior(len(phases)))
        remains, _ = unexplained(observed, found.solution, mistake.wavelength)
        likely = _likely(problem, found, remains)
        none_there = float(np.prod([1 - p for p in likely.values()]))
        if (
            not likely
            or none_there > _LARGEST_DOUBT
            or remains > min(_LARGEST_UNEXPLAINED, left / 2)
            or peaks <= _PEAKS_PER_PHASE * len(likely)
        ):
            return None
        against = _agrees(scan.wavelength, wavelength)
        if not _has_more_lines(problem, found, likely, mistake, against=against):
            return None
        if mistake.stretch and common_strain(fit_of(problem, found.solution)) is None:
            return None
        return _words(problem, found, likely, mistake)
    return None


def _agrees(stated: float | None, wavelength: float) -> bool:
    """Whether the file states the wavelength that was used."""
    return stated is not None and abs(strongest_line(stated) / wavelength - 1) < ROUNDED


def _has_more_lines(
    problem: Problem, found: Found, likely: dict[str, float], mistake: Mistake, *, against: bool
) -> bool:
    """Whether the phases have more lines than their lattices could place by themselves.

    Args:
        problem, found: the fit on the tested axis.
        likely: the phases that it names.
        mistake: the tested mistake.
        against: whether it contradicts what the file states.
    """
    if mistake.kind != _TUBE:
        against = False
    known, observed = problem.known, problem.observed
    solution, spare = found.solution, 0
    points = observed.points_a_line
    least = np.maximum(5 * observed.noise / np.sqrt(points), _WEAKEST_PEAK * observed.peaks.max())
    total = solution.calculated - solution.background
    strains = largest_strains(known, solution.state)
    for place, phase in enumerate(solution.state.phases):
        own = solution.patterns[place] * solution.scales[place]
        far = against and strains[place] > STRAIN_STATED
        if known[phase].name not in likely or far:
            continue
        tops = tops_of(own, height=least, distance=points)
        lines = int((own[tops] > total[tops] / 2).sum())
        free = len(known[phase].strain_basis)
        spare += max(0, lines - (_LINES_OF_CUBIC if free == 1 and mistake.kind == _TUBE else free))
    return spare >= (_MORE_LINES_IF_STATED if against else _MORE_LINES)


def _words(problem: Problem, found: Found, likely: dict[str, float], mistake: Mistake) -> str | None:
    """The notice with its phases, the most probable first, and the offset. None where the offset is small after all."""
    instrument, specimens = instrument_and_specimens(problem.known, found.solution.state)
    angle = problem.observed.grid.two_theta
    shift = mean_shift(instrument, specimens[0], angle) + float((mistake.shown(angle) - angle).mean())
    if mistake.kind in (_HIGH, _LOW) and abs(shift) <= LARGEST_OFFSET:
        return None
    names = sorted(likely, key=lambda name: -likely[name])[:3]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return mistake.notice.format(phases=listed, offset=too_far(shift))


def _likely(problem: Problem, found: Found, left: float) -> dict[str, float]:
    """The phases of a fit with a probability of at least one half by the fit alone, and these probabilities."""
    names = [problem.known[one.phase].name for one in found.phases]
    present = posterior().present
    features = fit_features(problem, found, left)
    likely = {name: present.probability(own) for name, own in zip(names, features, strict=True)}
    return {name: p for name, p in likely.items() if p >= 0.5}
