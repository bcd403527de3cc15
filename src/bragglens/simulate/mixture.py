"""Draw samples from a recipe: which phases, the weight and state of each, and the instrument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import Draws
from bragglens.simulate.effects import EFFECTS
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.recipe import Recipe

_LOW_INDEX_AXES = np.array(
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1), (1, -1, 0)], dtype=float
)  # crystallites lie on cleavage planes and growth faces, which have low indices
# Of `Conditions`, those that each slot has.
SLOTTED = ("phase", "weight", "strain", "size", "microstrain", "lorentzian", "axis", "march", "harmonics")
_SHADOWING = 0.15  # q of Suortti's correction, near the middle of fitted values
_RADIUS = 185.0  # mm; only displacement over radius matters
_GRAPHITE = np.cos(np.radians(26.6)) ** 2  # polarisation of a graphite (002) monochromator at Cu Kα


@dataclass(frozen=True)
class Content:
    """The phases in the samples of a batch.

    Attributes:
        phase: index into the packed phases, -1 for an empty slot, shape (batch, slots).
        weight: weight fractions, shape (batch, slots). Their sum is 1 if there is a phase.
    """

    phase: NDArray[np.int64]
    weight: NDArray[np.float64]


def draw_mixtures(recipe: Recipe, draws: Draws, *, library: int, strangers: int, slots: int = 5) -> Content:
    """Mixtures of phases 0 ... library-1, in some samples with a phase outside the library.

    The phase outside the library has an index from `library` on, and is in the last slot. Weights are log-normal
    without a lower limit. Whether a phase is visible is decided later, from the rendered signal.
    """
    batch = len(draws.samples)
    own = min(slots - 1, library)
    wanted = np.floor(draws.of(recipe.phases, "phases")[:, 0]).astype(int)
    order = np.argsort(draws.uniform("which", library), axis=1)[:, :own]
    phase = np.full((batch, slots), -1, dtype=np.int64)
    phase[:, :own] = np.where(np.arange(own) < np.minimum(wanted, own)[:, None], order, -1)
    if strangers and recipe.strangers:
        has_outside = draws.uniform("stranger")[:, 0] < recipe.strangers
        pick = library + np.floor(draws.uniform("stranger kind")[:, 0] * strangers).astype(int)
        phase[:, -1] = np.where(has_outside, pick, -1)
    spread = draws.of(recipe.dominance, "dominance")
    weight = np.exp(spread * _normals(draws, "weight", slots)) * (phase >= 0)
    return Content(phase, weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12))


def single_phases(draws: Draws, *, phases: NDArray[np.int64]) -> Content:
    """Samples that hold one given phase each."""
    return Content(phases.reshape(-1, 1).astype(np.int64), np.ones((len(draws.samples), 1)))


def draw_conditions(recipe: Recipe, draws: Draws, content: Content, packed: PackedPhases, grid: Grid) -> Conditions:
    """State of each phase and of the instrument for each sample. Its phases share one instrument and displacement.

    If a phase has lines that stacking faults broaden (`render.pack_apart`), the same number of slots follows for these
    lines.
    """
    batch, slots = content.phase.shape
    value: Callable[[str], NDArray[np.float64]] = lambda name: _value(recipe, draws, name, slots)  # noqa: E731
    share: Callable[[str], NDArray[np.float64]] = lambda name: _share(recipe, draws, name, slots)  # noqa: E731
    axis = np.floor(draws.uniform("texture axis", slots) * len(_LOW_INDEX_AXES)).astype(int)
    drawn = Conditions(
        sample=draws.samples,
        phase=content.phase,
        weight=content.weight,
        strain=_strain(recipe, draws, content, packed),
        size=value("size"),
        microstrain=value("microstrain"),
        lorentzian=value("lorentzian"),
        axis=_LOW_INDEX_AXES[axis],
        march=np.where(share("textured") > 0, value("march"), 1.0),
        harmonics=np.empty((batch, slots, 0)),
        line_weights=_line_weights(recipe, draws),
        resolution=_resolution(value("resolution"), value("resolution_slope"), value("instrument_lorentzian")),
        polarisation=np.where(share("monochromator") > 0, _GRAPHITE, 1.0),
        slit=_slit(recipe, draws),
        roughness=np.column_stack([value("roughness") * share("rough"), np.full(batch, _SHADOWING)]),
        axial=value("axial"),
        transparency=value("transparency"),
        zero=value("zero"),
        tilt=np.degrees(2 * value("displacement") / _RADIUS),
        background=np.column_stack([value("background"), draws.of(recipe.slope, "slope", 4)]),
        air=value("air"),
        humps=_humps(recipe, draws, grid),
        counts=value("counts"),
        span=np.column_stack([value("start"), value("stop")]),
        smoothing=np.round(value("smoothing") * share("smoothed") / grid.step).astype(np.int64),
        spikes=(share("spiked") * np.ceil(3 * draws.uniform("spikes")[:, 0])).astype(np.int64),
    )
    return _with_blurred(drawn, packed.blurred, value("faults") * share("faulted"))


def strongest(signal: NDArray[np.float64], slots: int) -> NDArray[np.float64]:
    """The larger `Rendered.signal` of sharp and broadened lines for each phase, shape (batch, slots)."""
    return np.asarray(signal.reshape(len(signal), -1, slots).max(axis=1))


def _with_blurred(drawn: Conditions, blurred: NDArray[np.int64], faults: NDArray[np.float64]) -> Conditions:
    """Append slots for the broadened lines: the same weight and state, with a smaller crystallite size."""
    if (blurred < 0).all():
        return drawn
    place = np.where(drawn.phase >= 0, blurred[drawn.phase], -1)
    behind = drawn._replace(phase=place, size=1 / (1 / drawn.size + faults))
    both = {name: np.concatenate([getattr(drawn, name), getattr(behind, name)], axis=1) for name in SLOTTED}
    return drawn._replace(**both)


def _normals(draws: Draws, name: str, slots: int) -> NDArray[np.float64]:
    """Standard normal numbers by the method of Box and Muller (1958)."""
    radius = np.sqrt(-2 * np.log(draws.uniform(name + " radius", slots)))
    return np.asarray(radius * np.cos(2 * np.pi * draws.uniform(name + " angle", slots)))


def _strain(recipe: Recipe, draws: Draws, content: Content, packed: PackedPhases) -> NDArray[np.float64]:
    """Coefficients of the strain basis: a common dilation, and an independent draw for each allowed strain."""
    batch, slots = content.phase.shape
    dilation = draws.of(recipe.dilation, "dilation", slots)[..., None, None] * np.eye(3)
    free = draws.of(recipe.strain, "strain", 6 * slots).reshape(batch, slots, 6)
    basis = packed.strains[np.maximum(content.phase, 0)]
    present = np.abs(basis).max(axis=(-1, -2)) > 0
    # the dilation as a combination of the basis, by least squares: it is always in the span of the basis
    flat = basis.reshape(batch, slots, 6, 9)
    gram = flat @ np.swapaxes(flat, -1, -2) + np.eye(6) * ~present[..., None]
    target = flat @ dilation.reshape(batch, slots, 9, 1)
    return np.asarray(np.linalg.solve(gram, target)[..., 0] + free * present)


def _value(recipe: Recipe, draws: Draws, name: str, slots: int = 1) -> NDArray[np.float64]:
    """Draws of an effect: one for each phase, (batch, slots), or one a sample, (batch,), as `Effect.where` says."""
    if EFFECTS[name].where == "phase":
        return draws.of(getattr(recipe, name), name, slots)
    return draws.of(getattr(recipe, name), name)[:, 0]


def _share(recipe: Recipe, draws: Draws, name: str, slots: int = 1) -> NDArray[np.float64]:
    """1 for the share of phases or samples with the property, 0 for the others. The shape is that of `_value`."""
    drawn = draws.uniform(name, slots) if EFFECTS[name].where == "phase" else draws.uniform(name)[:, 0]
    return np.asarray(drawn < getattr(recipe, name), dtype=float)


def _line_weights(recipe: Recipe, draws: Draws) -> NDArray[np.float64]:
    """Weights of the recipe's lines. Those with weight 0 for a clean tube are Kβ and tungsten, in this order."""
    weights = np.tile([line.weight for line in recipe.lines], (len(draws.samples), 1))
    extra = [i for i, line in enumerate(recipe.lines) if line.weight == 0]
    for i, name in zip(extra, ("k_beta", "tungsten"), strict=False):
        weights[:, i] = _value(recipe, draws, name) * _share(recipe, draws, "contaminated")
    return weights


def _slit(recipe: Recipe, draws: Draws) -> NDArray[np.float64]:
    """Specimen length over footprint for beams with overspill (else 0), and 1 for automatic slits."""
    spill = _value(recipe, draws, "overspill") * _share(recipe, draws, "spilling")
    automatic = _share(recipe, draws, "automatic")
    return np.column_stack([spill * (automatic == 0), automatic])


def _resolution(
    width: NDArray[np.float64], slope: NDArray[np.float64], lorentzian: NDArray[np.float64]
) -> NDArray[np.float64]:
    """U, V, W, X, Y from the width at low angle, the growth with angle, and the Lorentzian share."""
    w = width**2
    return np.column_stack([slope * w, np.zeros_like(w), w, 0.5 * lorentzian * width, 0.5 * lorentzian * width])


def _humps(recipe: Recipe, draws: Draws, grid: Grid) -> NDArray[np.float64]:
    """Amorphous humps: centre (15-45°) and standard deviation (2-10°) in degrees, and height, shape (batch, 2, 3)."""
    present = draws.uniform("humps") < recipe.humps
    centre = 15 + 30 * draws.uniform("hump centre", 2)
    width = 2 + 8 * draws.uniform("hump width", 2)
    height = draws.of(recipe.hump, "hump", 2) * present
    return np.stack([centre, width, height], axis=-1)
