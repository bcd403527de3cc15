"""Identification on measured scans: the library's network alone, matcher and fit, network and fit.

    python benchmarks/identification.py [--data DIR] [--models DIR] [--stored] [--worst N] [SET ...]

DIR holds dev.csv, scans and phases (the shared data); the models are those of benchmarks/measured.py. All sets take
about half an hour on one core; with sets named, those alone are asked again, and with --stored none. Answers are kept
in benchmarks/results/answers; results/identification.md is written from all that are there, and pictures of
the N worst wrong names, and of the N worst without an excuse, to results/worst/.
"""

from __future__ import annotations

import csv
import resource
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kept_answers import ANSWERS, HALVES, HALVES_TEXT, HERE, RESULTS, SETS, WAYS, Asked, arguments, ask_set, keep, kept
from matplotlib.figure import Figure

from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Finding
from bragglens.identification.evaluate import scores
from bragglens.identification.identify import identify
from bragglens.learn.model import Model, load_model
from bragglens.scan.read import read_scan

SURE_WEIGHT = 1.0  # wt%; smaller wrong phases are counted apart
CAUSES = {  # of causes.csv, which was written by hand
    "real": "lines of its own stand in the scan: an impurity, or an added standard, that the label leaves out",
    "label": "the label says another name for it, or the scan is not what its label says",
    "alike": "an isostructural phase was named in place of one that is present, or of a phase outside the library",
    "misfit": "it fills what the fit of another phase leaves over",
    "doubtful": "the scan does not tell",
    "not looked at": "new since causes.csv was written",
}
HEAD = f"""# Identification on measured scans

`python benchmarks/identification.py`. *network*: the trained network alone; *fit*: matcher and fit, without a
network of the library; *both*: what `bragglens identify` does with a model. Libraries: 5 phases of titania, 74 oxides
and similar compounds, 134 minerals.

Cells give {HALVES[0]} · {HALVES[1]}. {HALVES_TEXT}

*first right*: the named phase with the largest share (for the network the most probable one) is present; *exact*: an
exact match, all phases of the label and no others. Both count scans with a phase of the library. *rejected*: scans
with only phases outside the library and the verdict unknown; *not called known*: the same with unknown or partly
unknown. *false*: false positives, phases named that the label lacks, in brackets those above {SURE_WEIGHT:g} wt%;
*missed*: phases of the label that were not named. *wt%*: mean error of the fractions of all weighed phases; one not
found counts as 0. *inside*: true fractions within the stated 95% interval, for the weighed phases that were found.
*CPU*: median seconds, all threads. Phases that `alike.csv` lists as indistinguishable count as one.

Results differ between trainings. In the specimen with 20 wt% NiO a fit with TiO is as good. The network cannot
distinguish the two either, so that chance decides. After this training 19 of the 20 weighed mixtures were exact
matches; after earlier ones, with the code of that time, 18 to 20. Either answer is *tentative*, with the other phase
as a rival.
"""


@dataclass(frozen=True)
class Wrong:
    """A phase that was named and is not there."""

    asked: Asked
    finding: Finding

    @property
    def weight(self) -> float:
        return self.finding.weight_percent or 0.0

    @property
    def badness(self) -> float:
        """Probability times wt%."""
        return self.finding.probability * self.weight

    @property
    def key(self) -> tuple[str, str]:
        return self.asked.judged.label.file.stem, self.finding.name


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--stored", action="store_true")
    parser.add_argument("--worst", type=int, default=5)
    options = parser.parse_args()
    for library, name in () if options.stored else SETS:
        if not options.sets or name in options.sets:
            asked = ask_set(library, name, load_model(options.models / f"{library}.bragglens"), options.data)
            keep(library, name, asked)
            print(f"{library} {name}: {peak_memory():.0f} MB", flush=True)
    everything = {pair: kept(*pair, options.data) for pair in SETS}
    memory = ANSWERS / "memory.txt"
    if not options.stored and not options.sets:
        memory.write_text(f"Memory: {peak_memory():.0f} MB at most, all three libraries in one process.\n")
    text = report({pair: asked for pair, asked in everything.items() if asked}, options.worst)
    text += "\n" + memory.read_text() if memory.exists() else ""
    (RESULTS / "identification.md").write_text(text)
    print(text)
    for path, wrong in pictured(wrong_names(everything.values()), options.worst).items():
        draw(wrong, load_model(options.models / f"{wrong.asked.library}.bragglens"), RESULTS / path)


def peak_memory() -> float:
    """MB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- the tables -------------------------------------------------------------------------------------------------


def report(everything: dict[tuple[str, str], list[Asked]], shown: int) -> str:
    names = ["first right", "exact", "rejected", "not called known", "false", "missed", "wt%", "inside", "CPU"]
    lines = [HEAD, "| library | set | scans | way | " + " | ".join(names) + " |", "|---" * (len(names) + 4) + "|"]
    for (library, name), asked in everything.items():
        for way in WAYS:
            halves = [[a for a in asked if a.way == way and a.held_out == out] for out in (False, True)]
            cells = [beside([figure(half) for half in halves]) for figure in FIGURES]
            first = [library, name, " · ".join(str(len(half)) for half in halves)] if way == WAYS[0] else ["", "", ""]
            lines.append("| " + " | ".join([*first, way, *cells]) + " |")
    lines += ["", *broken(everything), *wrong_list(wrong_names(everything.values()), shown)]
    return "\n".join(lines) + "\n"


def beside(cells: Sequence[str]) -> str:
    """Both halves; nothing where a set has nothing to ask this of."""
    return "" if set(cells) == {"–"} else " · ".join(cells)


def part(number: int, whole: int) -> str:
    return f"{number}/{whole}" if whole else "–"


def of_holding(figure: Callable[[Asked], bool]) -> Callable[[Sequence[Asked]], str]:
    """So many of the scans with a phase of the library."""

    def cell(asked: Sequence[Asked]) -> str:
        holding = [a for a in asked if a.judged.label.phases]
        return part(sum(figure(a) for a in holding), len(holding))

    return cell


def of_foreign(verdicts: tuple[str, ...]) -> Callable[[Sequence[Asked]], str]:
    """So many of the scans of strangers alone that had one of these verdicts."""

    def cell(asked: Sequence[Asked]) -> str:
        foreign = [a for a in asked if not a.judged.label.phases]
        return part(sum(a.judged.answer.verdict in verdicts for a in foreign), len(foreign))

    return cell


def false(asked: Sequence[Asked]) -> str:
    found = [f for a in asked for f in a.wrong]
    if all(a.judged.answer.rwp is None for a in asked):
        return str(len(found))
    return f"{len(found)} ({sum((f.weight_percent or 0) > SURE_WEIGHT for f in found)})"


def weight_error(asked: Sequence[Asked]) -> str:
    error = scores([a.judged for a in asked])["fraction_error"]
    return "–" if error is None else f"{error:.1f}"


def inside(asked: Sequence[Asked]) -> str:
    hits = [hit for a in asked for hit in interval_hits(a)]
    return part(sum(hits), len(hits))


def interval_hits(asked: Asked) -> list[bool]:
    """For each weighed phase that was found, whether the stated interval holds what was weighed."""
    judged = asked.judged
    return [
        abs(f.weight_percent - weight) <= f.weight_percent_error
        for true, weight in judged.label.weight_percent.items()
        for f in judged.answer.phases
        if judged.same(f.name, true) and f.weight_percent is not None and f.weight_percent_error is not None
    ]


def cpu(asked: Sequence[Asked]) -> str:
    return f"{np.median([a.cpu for a in asked]):.2f}" if asked else "–"


FIGURES: tuple[Callable[[Sequence[Asked]], str], ...] = (
    of_holding(lambda a: a.judged.first_right),
    of_holding(lambda a: a.judged.exact),
    of_foreign(("unknown",)),
    of_foreign(("unknown", "partly unknown")),
    false,
    lambda asked: str(sum(len(a.judged.missed) for a in asked)),
    weight_error,
    inside,
    cpu,
)


def broken(everything: dict[tuple[str, str], list[Asked]]) -> list[str]:
    """Scans that could not be judged."""
    failed = [a for asked in everything.values() for a in asked if a.judged.answer.error is not None]
    lines = [f"Scans without an answer: {len(failed)}.", ""]
    for a in failed:
        last = (a.judged.answer.error or "").strip().splitlines()[-1]
        lines.append(f"- {a.library}, {a.way}, {a.judged.label.file.name}: {last}")
    return [*lines, ""] if failed else lines


# --- wrong names ------------------------------------------------------------------------------------------------


def wrong_names(everything: object) -> list[Wrong]:
    """All wrong names above SURE_WEIGHT that both together gave, the worst first."""
    found = [Wrong(a, f) for asked in everything for a in asked if a.way == "both" for f in a.wrong]  # type: ignore[attr-defined]
    return sorted((w for w in found if w.weight > SURE_WEIGHT), key=lambda w: -w.badness)


def read_causes() -> dict[tuple[str, str], tuple[str, str]]:
    """Cause and words for each scan and wrong name that was looked at."""
    with (HERE / "causes.csv").open(newline="") as handle:
        return {(row["scan"], row["phase"]): (row["cause"], row["words"]) for row in csv.DictReader(handle)}


def wrong_list(wrong: Sequence[Wrong], shown: int) -> list[str]:
    causes = read_causes()
    number = Counter(causes.get(w.key, ("not looked at", ""))[0] for w in wrong)
    lines = [
        f"## False positives above {SURE_WEIGHT:g} wt%",
        "",
        f"By *both*, ordered by probability times wt%. {len(wrong)} in all, one for each set that a scan is in.",
        "Causes (`benchmarks/causes.csv`) were judged by eye, without chemistry, from pictures of the fits and from",
        "the residual at the phase's lines after subtraction of all other phases. The labels are unchanged:",
        "",
        *(f"- *{cause}* ({number[cause]}): {words}" for cause, words in CAUSES.items() if number[cause]),
        "",
        "| set | scan | label | wrong name | wt% | probability | evidence | verdict | unexplained | half | cause |",
        "|---" * 11 + "|",
    ]
    for w in wrong:
        label, answer = w.asked.judged.label, w.asked.judged.answer
        cells = [
            f"{label.set_name} ({w.asked.library})" if label.set_name == "tio2_mixtures" else label.set_name,
            label.file.stem,
            ", ".join(sorted(label.phases) + [f"({name})" for name in sorted(label.strangers)]),
            w.finding.name,
            f"{w.weight:.1f}",
            f"{w.finding.probability:.2f}",
            f"{w.finding.evidence or 0:.0f}",
            str(answer.verdict),
            f"{answer.unexplained or 0:.0%}",
            HALVES[w.asked.held_out],
            ": ".join(filter(None, causes.get(w.key, ("", "")))),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Pictures, of the worst and of the worst that neither label nor impurity explains:", ""]
    for path, w in pictured(wrong, shown).items():
        lines.append(f"- [{path}]({path}): {w.key[1]} in {w.key[0]}")
    return lines


def pictured(wrong: Sequence[Wrong], count: int) -> dict[str, Wrong]:
    """The worst of all, and the worst that neither label nor impurity explains, by where their pictures go."""
    causes = read_causes()
    each: dict[tuple[str, str], Wrong] = {}
    for w in wrong:
        each.setdefault(w.key, w)
    errors = [w for w in each.values() if causes.get(w.key, ("",))[0] not in ("real", "label")]
    groups = {"worst": list(each.values())[:count], "error": errors[:count]}
    return {f"worst/{name}{i}.png": w for name, group in groups.items() for i, w in enumerate(group, start=1)}


def draw(wrong: Wrong, model: Model, path: Path) -> None:
    """The fit with the wrong phase in colour."""
    label = wrong.asked.judged.label
    answer = identify(read_scan(label.file), model, wavelength=label.wavelength)
    if answer.fit is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"{label.file.stem}: {', '.join(sorted(label.phases | label.strangers))}; answer: {answer.verdict}"
    fit_figure(answer.fit, wrong.finding.name, title).savefig(path, dpi=80)


def fit_figure(fit: Fit, name: str, title: str) -> Figure:
    """Measured, calculated and their difference; one phase in colour."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot(fit.two_theta, fit.observed, color="0.2", lw=0.7, label="measured")
    top.plot(fit.two_theta, fit.calculated, color="#0072B2", lw=0.7, label="calculated: " + ", ".join(fit.names))
    if name in fit.names:
        own = fit.patterns[fit.names.index(name)]
        top.fill_between(fit.two_theta, fit.background, fit.background + own, color="#D55E00", alpha=0.5, label=name)
    top.set_title(title, loc="left", fontsize=9, parse_math=False)
    top.set(ylabel="counts", yscale="symlog" if fit.observed.max() > 1e6 else "linear")
    top.legend(frameon=False, fontsize=8)
    bottom.plot(fit.two_theta, fit.observed - fit.calculated, color="0.3", lw=0.6)
    bottom.set(xlabel="2θ (°)", ylabel="difference")
    return figure


if __name__ == "__main__":
    main()
