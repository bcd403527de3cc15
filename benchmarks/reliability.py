"""Do stated probabilities hold, and does the answer know when it is wrong?

    python benchmarks/reliability.py [--data DIR] [--models DIR] [--scans N] [--stored]

N simulated mixtures of the 74 oxides, drawn from the default recipe by numbers and with strangers that training has
not seen; and the measured scans whose answers benchmarks/identification.py kept. About six minutes on one core; with
--stored the simulated answers of the last run are taken. Writes benchmarks/results/reliability.md and .png.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from identification import read_causes
from kept_answers import HALVES, HALVES_TEXT, RESULTS, SETS, WAYS, Asked, arguments, keep_answers, kept, stored_answers
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from simulated import Simulated, mixtures

from bragglens.identification.evaluate import Judged, read_alike
from bragglens.identification.identify import identify
from bragglens.learn.model import Model, load_model

EDGES = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
HEAD = f"""# Do stated probabilities hold?

`python benchmarks/reliability.py`; *simulated*: SCANS mixtures of the 74 oxides from the default recipe, none to
four phases, with a phase outside the library in half of them; neither samples nor these phases were used in training.
Phases hidden in noise count neither as right nor as wrong. *measured*: all development sets of `identification.md`,
{HALVES[0]} and {HALVES[1]}. *excused left out*: false positives that an impurity or the label explains
(`identification.md`) do not count. That was judged by eye from the fits, for names above 1 wt%, and makes the result
look better. {HALVES_TEXT}

## Stated probability against how often right

The search drops a phase with a probability below one half, so that *both* starts there. The network alone gives a
probability for every phase. Each cell: mean stated probability → share that is right, in brackets the number of
phases. *ECE* (expected calibration error) is the mean distance of the two over all phases from one half on.

"""
RISK = """
## Accuracy against share answered

Scans are ordered by the smallest probability of a named phase, times (1 - unexplained). Scans without a named phase
count as not answered. *exact*: exact matches.

"""
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Group:
    """Scans whose answers are looked at together."""

    name: str
    judged: Sequence[Judged]
    drowned: Sequence[frozenset[str]]
    network: bool = False

    @property
    def statements(self) -> list[tuple[float, bool]]:
        """Probability and rightness of each phase, of the named ones or (network) of all."""
        out = []
        for judged, drowned in zip(self.judged, self.drowned, strict=True):
            stated = judged.answer.probabilities or {} if self.network else {}
            stated = stated or {f.name: f.probability for f in judged.answer.phases}
            out += [
                (p, any(judged.same(name, true) for true in judged.label.phases))
                for name, p in stated.items()
                if name not in drowned
            ]
        return out

    @property
    def answered(self) -> list[tuple[float, bool]]:
        """Certainty and exactness of each scan where a phase was named, the most certain first."""
        out = [
            (certainty(judged), set(judged.false) <= drowned and not judged.missed)
            for judged, drowned in zip(self.judged, self.drowned, strict=True)
            if judged.answer.phases
        ]
        return sorted(out, key=lambda pair: -pair[0])


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scans", type=int, default=300)
    parser.add_argument("--stored", action="store_true")
    options = parser.parse_args()
    model = load_model(options.models / "oxides.bragglens")
    groups = [
        *simulated(mixtures(model.library.phases, options.scans), model, options.stored),
        *measured([a for pair in SETS for a in kept(*pair, options.data)]),
    ]
    groups = [
        replace(g, judged=[replace(j, alike=read_alike(options.data / "alike.csv")) for j in g.judged]) for g in groups
    ]
    text = report(groups, options.scans)
    (RESULTS / "reliability.md").write_text(text)
    print(text)
    figure(groups).savefig(RESULTS / "reliability.png", dpi=100)


def simulated(drawn: Sequence[Simulated], model: Model, stored: bool) -> list[Group]:
    """The simulated scans, answered by both and by the network alone."""
    groups = []
    for way, network_only in (("both", False), ("network", True)):
        name = f"simulated, {way}"
        if not stored:
            answers = [identify(s.scan, model, network_only=network_only) for s in drawn]
            keep_answers(name, answers)
        labels = [s.label("simulated") for s in drawn]
        judged = [Judged(label, answer, ()) for label, answer in zip(labels, stored_answers(name), strict=True)]
        groups.append(Group(name, judged, [s.drowned for s in drawn], network_only))
    return groups


def measured(asked: Sequence[Asked]) -> list[Group]:
    """The measured scans of each half: by both, by both with excused names left out, and by the network alone."""
    causes = read_causes()
    groups = []
    for way, corrected in ((WAYS[2], False), (WAYS[2], True), (WAYS[0], False)):
        for half, name in enumerate(HALVES):
            judged = [a.judged for a in asked if a.way == way and a.held_out == bool(half)]
            excused = [excuses(j, causes) if corrected else frozenset() for j in judged]
            title = f"measured, {name}, {way}{', excused left out' if corrected else ''}"
            groups.append(Group(title, judged, excused, way == "network"))
    return groups


def excuses(judged: Judged, causes: dict[tuple[str, str], tuple[str, str]]) -> frozenset[str]:
    """Wrong names that label or impurity explain."""
    stem = judged.label.file.stem
    return frozenset(n for n in judged.false if causes.get((stem, n), ("",))[0] in ("real", "label"))


def certainty(judged: Judged) -> float:
    answer = judged.answer
    foreign = answer.stranger if answer.unexplained is None else answer.unexplained
    return min(f.probability for f in answer.phases) * (1 - (foreign or 0.0))


# --- the report -------------------------------------------------------------------------------------------------


def binned(statements: Sequence[tuple[float, bool]]) -> list[tuple[float, float, int]]:
    """Mean stated probability, share right and number in each bin of EDGES; NaN where a bin is empty."""
    stated, right = np.array([p for p, _ in statements]), np.array([r for _, r in statements], dtype=float)
    place = np.clip(np.digitize(stated, EDGES) - 1, 0, len(EDGES) - 2)
    out = []
    for i in range(len(EDGES) - 1):
        inside = place == i
        n = int(inside.sum())
        out.append((float(stated[inside].mean()), float(right[inside].mean()), n) if n else (np.nan, np.nan, 0))
    return out


def calibration_error(statements: Sequence[tuple[float, bool]]) -> float:
    """Mean distance of stated and found over the bins from one half on, by number."""
    rows = [(p, r, n) for (p, r, n), low in zip(binned(statements), EDGES, strict=False) if n and low >= 0.5]
    return float(np.average([abs(p - r) for p, r, _ in rows], weights=[n for _, _, n in rows]))


def accuracies(answered: Sequence[tuple[float, bool]]) -> np.ndarray:
    """Share exact among the 1, 2, 3 ... most certain answers."""
    return np.cumsum([exact for _, exact in answered]) / np.arange(1, len(answered) + 1)


def report(groups: Sequence[Group], scans: int) -> str:
    spans = [f"{low:g}-{high:g}" for low, high in pairwise(EDGES)]
    lines = [HEAD.replace("SCANS", str(scans)) + "| scans | " + " | ".join(spans) + " | ECE |"]
    lines.append("|---" * (len(spans) + 2) + "|")
    for g in groups:
        cells = [f"{p:.2f} → {r:.2f} ({n})" if n else "" for p, r, n in binned(g.statements)]
        lines.append(f"| {g.name} | " + " | ".join(cells) + f" | {calibration_error(g.statements):.3f} |")
    lines += [RISK + "| scans | answered | " + " | ".join(f"exact at {s:.0%}" for s in SHARES) + " |"]
    lines.append("|---" * (len(SHARES) + 2) + "|")
    for g in groups:
        curve = accuracies(g.answered)
        cells = [f"{curve[max(1, round(s * len(curve))) - 1]:.2f}" for s in SHARES]
        lines.append(f"| {g.name} | {len(curve)} of {len(g.judged)} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "Percentages are of the answered scans.", "", "![both](reliability.png)", ""])


def figure(groups: Sequence[Group]) -> Figure:
    """Reliability diagram and risk-coverage curves."""
    out = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = out.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    shown = [g for g in groups if not g.network or g.name.startswith("simulated")]
    for group, colour in zip(shown, ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#E69F00", "#CC79A7"), strict=True):
        draw_bins(left, group, colour)
        curve = accuracies(group.answered)
        share = np.arange(1, len(curve) + 1) / len(group.judged)
        right.plot(share, curve, color=colour, lw=1.2, ls="--" if group.network else "-", label=group.name)
    left.set(xlabel="stated probability", ylabel="share right", xlim=(0, 1), ylim=(0, 1.02))
    right.set(xlabel="share of scans answered", ylabel="share of these named exactly", xlim=(0, 1), ylim=(0, 1.02))
    right.legend(frameon=False, fontsize=8, loc="lower right")
    return out


def draw_bins(ax: Axes, group: Group, colour: str) -> None:
    """Bins with their numbers; bars are one standard deviation of a share."""
    rows = np.array([row for row in binned(group.statements) if row[2] >= 3]).reshape(-1, 3)
    error = np.sqrt(np.maximum(rows[:, 1] * (1 - rows[:, 1]), 0.01) / rows[:, 2])
    style = {"ls": "--", "lw": 0.8, "alpha": 0.6} if group.network else {"ls": "-", "lw": 1.2}
    ax.errorbar(rows[:, 0], rows[:, 1], yerr=error, color=colour, marker="o", ms=3, capsize=2, **style)
    if not group.network:
        for p, r, n in rows:
            ax.annotate(f"{n:.0f}", (p, r), xytext=(3, -9), textcoords="offset points", fontsize=7, color=colour)


if __name__ == "__main__":
    main()
