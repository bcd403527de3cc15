"""How little of a phase is found, and whether the stated detection limits hold.

    python benchmarks/detection.py [--models DIR] [--pairs N]

Simulated mixtures of two of the 74 oxides: one of ten minority phases in one of ten majority phases, N random pairs,
each at seven fractions and two count levels, all else as the default recipe draws it and the same for all fractions of
a pair. About ten minutes on one core. Writes benchmarks/results/detection.md and .png.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from kept_answers import RESULTS, arguments
from matplotlib.figure import Figure
from simulated import GRID, Simulated, given

from bragglens.crystal.library import Library
from bragglens.identification.answer import Identification
from bragglens.identification.identify import identify
from bragglens.learn.model import Model, load_model
from bragglens.simulate.draws import Constant
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.mixture import SLOTTED
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import render_per_gram
from bragglens.simulate.similarity import indistinguishable_pairs

LEVELS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # wt%
COUNTS = (2_000.0, 50_000.0)  # at the strongest peak
RATIOS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, np.inf)  # of what is there to the stated limit
FREE = 0.2  # a line stands free where the other phase gives less than this share of its height
SEEN = 5.0  # and is seen where it is this many standard deviations high
HEAD = """# How little of a phase is found

`python benchmarks/detection.py`. PAIRS pairs of a minority phase (one of ten of the 74 oxides) in a majority phase (one
of ten others), drawn by a seed, without look-alikes. Scans from 10 to 90°, with conditions from the default recipe
(4 nm to bulk, texture, shifts, backgrounds) that are the same at all fractions. Identified by network and fit together.
The stated limit of detection is `detection_limits` of the answer for the same scan without the minority phase.

| counts at the top | wt% | found | above the stated limit | found of those | found of the others |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Trial:
    """One scan of a pair.

    Attributes:
        weight: wt% of the minority phase.
        counts: at the strongest peak.
        found: whether it was named.
        limit: wt% that an answer for the scan without it claims would be found; None where it states none.
        free: whether its strongest line stands free of the majority's and out of the noise.
        false: phases named that are neither.
    """

    weight: float
    counts: float
    found: bool
    limit: float | None
    free: bool
    false: int

    @property
    def claimed(self) -> bool:
        return self.limit is not None and self.weight >= self.limit


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    options = parser.parse_args()
    model = load_model(options.models / "oxides.bragglens")
    pairs = random_pairs(model.library, options.pairs)
    trials = [t for counts in COUNTS for t in series(model, pairs, counts)]
    text = report(trials, options.pairs)
    (RESULTS / "detection.md").write_text(text)
    print(text)
    figure(trials).savefig(RESULTS / "detection.png", dpi=100)


def random_pairs(library: Library, count: int) -> np.ndarray:
    """Places of minority and majority phase, (count, 2): ten of each, no look-alikes together."""
    random = np.random.default_rng(20261123)
    drawn = random.permutation(len(library))[:20]
    alike = {frozenset(pair[:2]) for pair in indistinguishable_pairs(library.phases)}
    names = library.names
    all_pairs = [(i, j) for i in drawn[:10] for j in drawn[10:] if frozenset((names[i], names[j])) not in alike]
    return np.array(all_pairs)[random.permutation(len(all_pairs))[:count]]


def series(model: Model, pairs: np.ndarray, counts: float) -> list[Trial]:
    """All fractions of all pairs at one count level."""
    recipe = replace(Recipe(), counts=Constant(counts), start=Constant(10.0), stop=Constant(90.0))
    samples = np.repeat(np.arange(len(pairs), dtype=np.uint64), len(LEVELS))
    minority = np.tile(LEVELS, len(pairs))
    weight = np.column_stack([minority, 100 - minority])
    phase = np.repeat(pairs, len(LEVELS), axis=0)
    drawn, conditions, table = given(model.library.phases, phase, weight, recipe, samples=samples)
    free = stand_free(conditions, table)
    answers = [identify(s.scan, model) for s in drawn]
    trials = []
    for i, (s, answer) in enumerate(zip(drawn, answers, strict=True)):
        without = answers[i - i % len(LEVELS)]
        trials.append(trial(s, answer, without, counts, bool(free[i])))
    return trials


def trial(s: Simulated, answer: Identification, without: Identification, counts: float, free: bool) -> Trial:
    minority = s.names[0]
    named = {f.name for f in answer.phases}
    return Trial(
        weight=s.weight_percent[0],
        counts=counts,
        found=minority in named,
        limit=(without.detection_limits or {}).get(str(minority)),
        free=free and s.signal[0] >= SEEN,
        false=len(named - set(s.names)),
    )


def stand_free(conditions: Conditions, table: PackedPhases) -> np.ndarray:
    """Whether the strongest line of the first phase is clear of the second, of each sample."""
    inside = (GRID.two_theta >= conditions.span[0, 0]) & (GRID.two_theta <= conditions.span[0, 1])
    own, other = (alone(conditions, table, slot)[:, inside] for slot in (0, 1))
    top = own.argmax(axis=1)
    rows = np.arange(len(top))
    return np.asarray(other[rows, top] < FREE * own[rows, top])


def alone(conditions: Conditions, table: PackedPhases, slot: int) -> np.ndarray:
    """Clean pattern of the phase in one of two slots, by its weight, with the lines that faults blur."""
    one = {name: np.ascontiguousarray(getattr(conditions, name)[:, slot::2]) for name in SLOTTED}
    return render_per_gram(table, conditions._replace(**one), GRID)


# --- the report -------------------------------------------------------------------------------------------------


def share(trials: Sequence[Trial]) -> str:
    return f"{sum(t.found for t in trials)}/{len(trials)}" if trials else ""


def report(trials: Sequence[Trial], pairs: int) -> str:
    text = HEAD.replace("PAIRS", str(pairs))
    for counts in COUNTS:
        for weight in LEVELS[1:]:
            these = [t for t in trials if t.counts == counts and np.isclose(t.weight, weight)]
            claimed = [t for t in these if t.claimed]
            others = [t for t in these if not t.claimed]
            cells = [f"{counts:,.0f}", f"{weight:g}", share(these), f"{len(claimed)}/{len(these)}", share(claimed)]
            text += "| " + " | ".join([*cells, share(others)]) + " |\n"
    there = [t for t in trials if t.weight > 0]
    text += "\nBy what is there over the stated limit:\n\n| wt% over limit | "
    text += " | ".join(f"{low:g}-{high:g}" for low, high in spans()) + " | no limit stated |\n"
    text += "|---" * (len(RATIOS) + 1) + "|\n| found | "
    text += " | ".join(share(between(there, low, high)) for low, high in spans())
    text += f" | {share([t for t in there if t.limit is None])} |\n"
    strong = [t for t in there if t.weight >= 0.999]
    free = [t for t in strong if t.free]
    absent = [t for t in trials if t.weight == 0]
    text += (
        f"\nOf 1 wt% or more, with a strongest line that stands free (the majority phase gives less than {FREE:g} of "
        f"its height there, and it is {SEEN:g} standard deviations of noise high): {share(free)} found; of 1 wt% or "
        f"more with a line covered or drowned: {share([t for t in strong if not t.free])}. Where the minority phase "
        f"was absent it was named in {share(absent)}. Other phases, wrong in all scans of these series: "
        f"{sum(t.false for t in trials)} in {len(trials)} scans.\n\n![found](detection.png)\n"
    )
    return text


def spans() -> list[tuple[float, float]]:
    return list(pairwise(RATIOS))


def between(trials: Sequence[Trial], low: float, high: float) -> list[Trial]:
    return [t for t in trials if t.limit is not None and low <= t.weight / t.limit < high]


def figure(trials: Sequence[Trial]) -> Figure:
    """Share found by fraction, and by fraction over stated limit."""
    out = Figure(figsize=(9, 4), layout="constrained")
    left, right = out.subplots(1, 2, sharey=True)
    for counts, colour in zip(COUNTS, ("#D55E00", "#0072B2"), strict=True):
        these = [t for t in trials if t.counts == counts and t.weight > 0]
        groups = [[t for t in these if np.isclose(t.weight, w)] for w in LEVELS[1:]]
        found = [np.mean([t.found for t in g]) for g in groups]
        claimed = [np.mean([t.claimed for t in g]) for g in groups]
        left.plot(LEVELS[1:], found, "o-", color=colour, ms=4, label=f"found, {counts:,.0f} counts")
        left.plot(LEVELS[1:], claimed, "--", color=colour, lw=1, label="said to be found")
        edges = np.geomspace(0.05, 50, 10)
        bins = [between(these, low, high) for low, high in pairwise(edges)]
        middle = np.sqrt(edges[:-1] * edges[1:])
        rows = np.array([(m, np.mean([t.found for t in b])) for m, b in zip(middle, bins, strict=True) if b])
        right.plot(rows[:, 0], rows[:, 1], "o-", color=colour, ms=4)
    right.axvline(1.0, color="0.7", lw=0.8)
    left.set(xscale="log", xlabel="wt%", ylabel="share found", ylim=(-0.02, 1.02))
    right.set(xscale="log", xlabel="wt% over stated limit")
    left.legend(frameon=False, fontsize=8)
    return out


if __name__ == "__main__":
    main()
