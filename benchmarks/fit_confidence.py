"""Fit the posterior: the tables in `src/bragglens/data/confidence.json`, from which each answer has its probabilities.

    python benchmarks/fit_confidence.py            # fits, writes the tables, and results/confidence.md
    python benchmarks/fit_confidence.py --check    # fits and compares with the tables that are there

The rows are those of results/confidence.csv.gz (`confidence_answers.py table`). Log odds are a constant and one
piecewise linear, monotone function of each feature, with knots at quantiles, fitted by penalised maximum likelihood.
Simulated phases count as much in all as measured ones. The penalty is the one with the lowest log loss on laboratories
that were left out of the fit: the mean over the laboratories, each of which counts the same, the simulation as one of
them. Two minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from kept_answers import HERE, RESULTS
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from bragglens.identification.posterior import Additive, Term, of_set
from bragglens.policy import DEFAULT

Array = NDArray[np.float64]
TABLE = RESULTS / "confidence.csv.gz"
FREQUENCY = RESULTS / "frequency.json"
POSTERIOR = HERE.parent / "src" / "bragglens" / "data" / "confidence.json"
# Features of each table, with the direction in which they can only raise (1) or lower (-1) the odds; 0 leaves it free.
PRESENT = {
    "evidence": 1, "residual": -1, "lines_there": 1, "missing_line": -1, "unexplained": -1, "lines": 1, "share": 1,
    "cell": 1, "matcher": 1, "network": 1, "foreign_elements": -1, "phases": 0, "frequency": 1, "texture": -1,
    "scatter": -1, "model_error": 0,
}  # fmt: skip
ITSELF = {
    "identity": 1, "cell": 1, "margin": 1, "frequency": 1, "matcher": 1, "network": 1, "residual": -1,
    "lines_there": 1, "missing_line": -1, "foreign_elements": -1, "phases": 0, "texture": -1, "scatter": -1,
    "model_error": 0,
}  # fmt: skip
WHOLE = {"log_sum": 1, "least": 1, "unexplained": -1, "phases": 0}
KNOTS = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)  # quantiles
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0)
NAMED = 0.5
TIE = 0.001  # log loss; between fits of the last versions it changed by more than this (judgement)
RIDGE = 0.01  # weight of the size of a step over that of its change (judgement: 0.1 and 0.003 change little)
FOLDS = 5
DIGITS = 4
ANOTHER = 0.25  # weight of scans of a compound that no library holds: one answer in thirty (judgement)


@dataclass(frozen=True)
class Rows:
    """Rows of the table: features by name, with NaN where a row lacks one, and what is right."""

    features: Mapping[str, Array]
    text: Mapping[str, NDArray[np.str_]]

    def of(self, chosen: NDArray[np.bool_]) -> Rows:
        return Rows({k: v[chosen] for k, v in self.features.items()}, {k: v[chosen] for k, v in self.text.items()})

    def flag(self, name: str) -> NDArray[np.bool_]:
        return self.features[name] == 1

    def __len__(self) -> int:
        return len(self.text["scan"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    rows = read_rows(TABLE)
    penalty, losses = chosen_penalty(rows)
    tables = fitted(rows, penalty)
    content = {
        "hash": hashlib.sha256(TABLE.read_bytes()).hexdigest()[:12],
        "data": f"{len(set(rows.text['row']))} answers: {sources(rows)}",
        "frequency": json.loads(FREQUENCY.read_text()),
    } | {name: plain(table) for name, table in tables.items()}
    if check:
        old = json.loads(POSTERIOR.read_text())
        print("the same" if all(old[name] == content[name] for name in tables) else "NOT the same")
        return
    content = {"date": datetime.now(UTC).date().isoformat()} | content
    POSTERIOR.write_text(json.dumps(content, indent=1) + "\n")
    (RESULTS / "confidence.md").write_text(report(rows, tables, penalty, losses))
    print((RESULTS / "confidence.md").read_text())


def read_rows(path: Path) -> Rows:
    """The table."""
    table = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    texts = ("scan", "source", "kind", "row")
    values = [name for name in table[0] if name not in texts]
    features = {name: np.array([float(row[name]) if row[name] else np.nan for row in table]) for name in values}
    return Rows(features, {name: np.array([row[name] for row in table]) for name in texts})


def sources(rows: Rows) -> str:
    """How many answers of each laboratory."""
    names, counts = np.unique([source for source, _ in {*zip(rows.text["source"], rows.text["row"], strict=True)}],
                              return_counts=True)  # fmt: skip
    return ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))


# --- one table ----------------------------------------------------------------------------------------------------


def additive(
    rows: Rows, right: NDArray[np.bool_], signs: Mapping[str, int], penalty: float, weight: Array | None = None
) -> Additive:
    """Log odds of `right` as a sum of monotone functions of features."""
    columns, blocks = [], {}
    for name, sign in signs.items():
        values = rows.features.get(name)
        if values is None or np.isfinite(values).sum() < 30:
            continue
        at = np.unique(np.round(np.nanquantile(values, KNOTS), DIGITS))
        if len(at) < 2:
            continue
        filled = np.where(np.isfinite(values), values, np.nan)
        part = np.stack([np.clip(filled - a, 0, b - a) / (b - a) for a, b in pairwise(at)], axis=1)
        part -= np.nanmean(part[right], axis=0)  # zero for what is usual where the phase is there
        columns.append(np.nan_to_num(part))
        blocks[name] = (at, sign)
    design = np.hstack(columns)
    by_kind = np.where(rows.text["kind"] == "another compound", ANOTHER, 1.0)
    by_kind *= halves(rows) if weight is None else weight
    knots = [(len(at) - 1, sign) for at, sign in blocks.values()]
    steps = steps_of(design, right.astype(float), by_kind, knots, penalty)
    terms, first = {}, 1
    for name, (at, _) in blocks.items():
        own = steps[first : first + len(at) - 1]
        first += len(at) - 1
        values = rows.features[name]
        grown = np.concatenate([[0.0], np.cumsum(own)])
        grown -= np.mean(np.interp(values[right & np.isfinite(values)], at, grown))
        if np.abs(own).sum() > 0.01:
            terms[name] = Term(tuple(at.tolist()), tuple(np.round(grown, DIGITS).tolist()))
    return Additive(round(float(steps[0]), DIGITS), terms)


def steps_of(design: Array, right: Array, weight: Array, blocks: Sequence[tuple[int, int]], penalty: float) -> Array:
    """Constant, and change of the log odds over each interval between knots, by penalised maximum likelihood."""
    whole = np.hstack([np.ones((len(design), 1)), design])
    starts = np.cumsum([1, *(count for count, _ in blocks)])[:-1]

    def cost(steps: Array) -> tuple[float, Array]:
        odds = whole @ steps
        loss = weight * (np.logaddexp(0, odds) - right * odds)
        slope = whole.T @ (weight * (expit(odds) - right))
        total = float(loss.sum()) + penalty * RIDGE * float((steps[1:] ** 2).sum())
        slope[1:] += 2 * penalty * RIDGE * steps[1:]
        for start, (count, _) in zip(starts, blocks, strict=True):
            bend = np.diff(steps[start : start + count])
            total += penalty * float((bend**2).sum())
            slope[start + 1 : start + count] += 2 * penalty * bend
            slope[start : start + count - 1] -= 2 * penalty * bend
        return total, slope

    bounds: list[tuple[float | None, float | None]] = [(None, None)]
    for count, sign in blocks:
        bounds += [((0.0, None) if sign > 0 else (None, 0.0) if sign < 0 else (None, None))] * count
    return np.asarray(minimize(cost, np.zeros(whole.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B",
                               options={"maxiter": 5000, "ftol": 1e-12, "gtol": 1e-7}).x)  # fmt: skip


def odds_of(table: Additive, rows: Rows) -> Array:
    """Log odds of each row."""
    out = np.full(len(rows), table.constant)
    for name, term in table.terms.items():
        values = rows.features[name]
        out += np.where(np.isfinite(values), np.interp(np.nan_to_num(values), term.at, term.log_odds), 0.0)
    return out


# --- the three tables ---------------------------------------------------------------------------------------------


def fitted(rows: Rows, penalty: Penalty) -> dict[str, Additive]:
    """The three tables."""
    phases = rows.of(np.isfinite(rows.features["right"]))
    answers = whole_answers(phases, cross_fitted(phases, penalty.phases))
    alone = answers.of(answers.flag("alone"))  # with a fitted phase that is not named no answer is called whole
    whole = additive(alone, alone.flag("exact"), WHOLE, penalty.whole, one_for_each_scan(alone))
    return of_phase(phases, penalty.phases) | {"whole": whole}


def halves(rows: Rows) -> Array:
    """Weights with which simulated rows count as much in all as measured ones."""
    made = rows.text["source"] == "simulated"
    return np.where(made, max(1, (~made).sum()) / max(1, made.sum()), 1.0)


def one_for_each_scan(answers: Rows) -> Array:
    """Weights with which all answers to one scan count as one: what it lacks, each of them lacks."""
    _, place, count = np.unique(answers.text["scan"], return_inverse=True, return_counts=True)
    return np.asarray(1 / count[place])


def of_phase(phases: Rows, penalty: float) -> dict[str, Additive]:
    """The two tables of phases."""
    kin = phases.of(phases.flag("of_type"))
    return {
        "present": additive(phases, phases.flag("of_type"), PRESENT, penalty),
        "itself": additive(kin, kin.flag("right"), ITSELF, penalty),
    }


def cross_fitted(phases: Rows, penalty: float) -> Array:
    """Probability of each phase by tables fitted to the scans of the other four fifths.

    Tables are surer of the rows to which they were fitted; the table of whole answers must not learn that.
    """
    fifth = np.array([zlib.crc32(scan.encode()) % FOLDS for scan in phases.text["scan"]])
    out = np.empty(len(phases))
    for fold in range(FOLDS):
        tables = of_phase(phases.of(fifth != fold), penalty)
        out[fifth == fold] = probabilities(tables["present"], tables["itself"], phases.of(fifth == fold))
    return out


def probabilities(present: Additive, itself: Additive, rows: Rows) -> Array:
    """Probability of each phase."""
    left = np.exp(np.nan_to_num(rows.features["rivals"]))
    return np.asarray(expit(odds_of(present, rows)) * np.minimum(expit(odds_of(itself, rows)), left))


def whole_answers(rows: Rows, probability: Array) -> Rows:
    """One row for each answer that names a phase: what the table of whole answers is fitted to."""
    features: dict[str, list[float]] = {
        name: [] for name in ("log_sum", "least", "unexplained", "phases", "exact", "alone", "wrong")
    }
    text: dict[str, list[str]] = {name: [] for name in ("scan", "source", "kind", "row")}
    order = np.argsort(rows.text["row"], kind="stable")
    _, firsts = np.unique(rows.text["row"][order], return_index=True)
    for members in np.split(order, firsts[1:]):
        named = members[probability[members] >= NAMED]
        if not len(named):
            continue
        right = rows.flag("right")[named]
        about = of_set(probability[named].tolist(), float(rows.features["unexplained"][named[0]]))
        for name, value in about.items():
            features[name].append(value)
        matched = {int(t) for t in rows.features["truth"][named] if np.isfinite(t)}
        strong = int(rows.features["strong"][named[0]])
        complete = all(not strong >> bit & 1 or bit in matched for bit in range(16))
        features["alone"].append(float(len(named) == len(members)))
        features["wrong"].append(float(not right.all()))
        features["exact"].append(float(right.all() and complete))
        for name in text:
            text[name].append(str(rows.text[name][named[0]]))
    return Rows({k: np.array(v) for k, v in features.items()}, {k: np.array(v) for k, v in text.items()})


@dataclass(frozen=True)
class Penalty:
    """Weights of the penalty, for the tables of phases and for that of whole answers."""

    phases: float
    whole: float


def chosen_penalty(rows: Rows) -> tuple[Penalty, dict[str, dict[float, float]]]:
    """The penalties with the lowest log loss on laboratories that were left out, and all losses.

    Of penalties that hardly differ the smallest is taken: its tables follow the data more closely.
    """
    phases: dict[float, float] = {}
    for penalty in PENALTIES:
        parts = left_out(rows, Penalty(penalty, PENALTIES[-1]), simulated=True)
        phases[penalty] = over_laboratories(parts, [log_loss(p.stated, p.phases.flag("right")) for p in parts])
    best = smallest_of_the_best(phases)
    whole: dict[float, float] = {}
    for penalty in PENALTIES:
        parts = left_out(rows, Penalty(best, penalty), simulated=True)
        alone = [p.answers.flag("alone") for p in parts]
        losses = [log_loss(p.certain[a], p.answers.flag("exact")[a]) for p, a in zip(parts, alone, strict=True)]
        whole[penalty] = over_laboratories(parts, losses)
    return Penalty(best, smallest_of_the_best(whole)), {"phases": phases, "whole": whole}


def smallest_of_the_best(losses: Mapping[float, float]) -> float:
    """The smallest penalty whose loss is within TIE of the lowest."""
    lowest = min(losses.values())
    return min(penalty for penalty, loss in losses.items() if loss <= lowest + TIE)


def over_laboratories(parts: Sequence[LeftOut], losses: Sequence[float]) -> float:
    """Mean over laboratories, of which the simulation is one."""
    made = [simulated_part(part) for part in parts]
    both = list(zip(losses, made, strict=True))
    simulation = [loss for loss, one in both if one]
    return float(np.mean([*(loss for loss, one in both if not one), *([np.mean(simulation)] if simulation else [])]))


@dataclass(frozen=True)
class LeftOut:
    """Phases and answers judged by tables that were fitted without their laboratory, or their fifth of the simulated.

    Attributes:
        phases: rows of the phases, and the probability of each.
        answers: one row for each answer that names a phase, and the probability that it is whole.
    """

    phases: Rows
    stated: Array
    answers: Rows
    certain: Array


def left_out(rows: Rows, penalty: Penalty, *, simulated: bool = False) -> list[LeftOut]:
    """Each measured laboratory by tables fitted to all others; with `simulated` also each fifth of those."""
    phases = rows.of(np.isfinite(rows.features["right"]))
    sources_of = phases.text["source"]
    parts = [int(row.split("-")[1].partition(".")[0]) if row.startswith(("simulated", "stretched")) else 0
             for row in phases.text["row"]]  # fmt: skip
    made = sources_of == "simulated"
    groups = np.where(made, np.char.add("simulated ", (np.array(parts) % FOLDS).astype(str)), sources_of)
    out = []
    for group in sorted({*groups}):
        if group.startswith("simulated") and not simulated:
            continue
        own = groups == group
        tables = fitted(phases.of(~own), penalty)
        held = phases.of(own)
        stated = probabilities(tables["present"], tables["itself"], held)
        answers = whole_answers(held, stated)
        certain = np.minimum(expit(odds_of(tables["whole"], answers)), expit(answers.features["least"]))
        out.append(LeftOut(held, stated, answers, certain))
    return out


def of_phases(parts: Sequence[LeftOut]) -> tuple[Array, NDArray[np.bool_]]:
    """Probability and rightness of all phases."""
    return np.concatenate([p.stated for p in parts]), np.concatenate([p.phases.flag("right") for p in parts])


def log_loss(stated: Array, right: NDArray[np.bool_]) -> float:
    p = np.clip(stated, 1e-4, 1 - 1e-4)
    return float(-np.mean(np.where(right, np.log(p), np.log(1 - p))))


def plain(table: Additive) -> dict[str, Any]:
    """A table as JSON."""
    terms = {name: {"at": term.at, "log_odds": term.log_odds} for name, term in table.terms.items()}
    return json.loads(json.dumps({"constant": table.constant, "terms": terms}))


# --- the report ---------------------------------------------------------------------------------------------------

HEAD = """# The posterior

`python benchmarks/fit_confidence.py`. Rows: {rows} phases of {answers} answers ({sources}). *left out*: measured scans
of each laboratory by tables fitted to all others. *ECE*: mean distance of stated and found from one half on.

| penalty | log loss of phases, mean over laboratories left out | of whole answers |
|---|---|---|
{penalties}

Taken: {penalty.phases:g} for phases, {penalty.whole:g} for whole answers.

| rows | phases | right | log loss | ECE | ECE of a perfect answerer, 95th percentile |
|---|---|---|---|---|---|
{lines}

## Verdicts

By tables that were fitted without the laboratory (measured), or the fifth (simulated). *exact*: the named phases are
those that are there. *certain*: probability of the whole set from {sure} on, no fitted phase unnamed, and at most
{most:.0%} unexplained: the verdict known or mixture. *wrong and certain*: the same with a phase that is not there.

| scans | searched in | answers | with a phase | exact | of these certain | wrong and certain |
|---|---|---|---|---|---|---|
{verdicts}

## Lattices

Largest relative change of a length in the lattice that the fit needed, in measured scans: median and 90th percentile.

| phase | phases | median | 90% |
|---|---|---|---|
{lattices}

## Shares of the log odds

For each feature its values, and what they say.

"""


def report(
    rows: Rows, tables: Mapping[str, Additive], penalty: Penalty, losses: Mapping[str, Mapping[float, float]]
) -> str:
    phases = rows.of(np.isfinite(rows.features["right"]))
    stated = probabilities(tables["present"], tables["itself"], phases)
    simulated = phases.text["source"] == "simulated"
    parts = left_out(rows, penalty, simulated=True)
    lines = [
        line("simulated, fitted", stated[simulated], phases.flag("right")[simulated]),
        line("measured, fitted", stated[~simulated], phases.flag("right")[~simulated]),
        line("measured, left out", *of_phases([p for p in parts if not simulated_part(p)])),
        line("simulated, left out", *of_phases([p for p in parts if simulated_part(p)])),
    ]
    text = HEAD.format(
        rows=len(phases),
        sure=DEFAULT.sure,
        most=DEFAULT.most_unexplained,
        answers=len(set(rows.text["row"])),
        sources=sources(rows),
        lines="\n".join(lines),
        verdicts=verdicts(rows, parts),
        lattices=lattices(phases),
        penalty=penalty,
        penalties="\n".join(
            f"| {p:g} | {losses['phases'][p]:.4f} | {losses['whole'][p]:.4f} |" for p in losses["phases"]
        ),
    )
    for name, table in tables.items():
        text += f"### {name}: constant {table.constant:g}\n\n| feature | values | log odds |\n|---|---|---|\n"
        for feature, term in table.terms.items():
            cells = (" ".join(f"{value:.3g}" for value in part) for part in (term.at, term.log_odds))
            text += f"| {feature} | {' | '.join(cells)} |\n"
        text += "\n"
    return text


def lattices(phases: Rows) -> str:
    """Rows of the table of lattice strains."""
    measured = phases.of(phases.text["source"] != "simulated")
    right, kin = measured.flag("right"), measured.flag("of_type")
    out = []
    for name, some in (("present", right), ("another compound of the type", kin & ~right), ("neither", ~kin)):
        median, most = np.quantile(measured.features["strain"][some], [0.5, 0.9])
        out.append(f"| {name} | {some.sum()} | {median:.2%} | {most:.2%} |")
    return "\n".join(out)


def simulated_part(part: LeftOut) -> bool:
    return bool((part.phases.text["source"] == "simulated").all())


def verdicts(rows: Rows, parts: Sequence[LeftOut]) -> str:
    """Rows of the table of verdicts."""
    out = []
    for simulated in (False, True):
        some = [part for part in parts if simulated_part(part) == simulated]
        for kind in sorted({*np.concatenate([part.answers.text["kind"] for part in some])}):
            of_kind = (rows.text["kind"] == kind) & ((rows.text["source"] == "simulated") == simulated)
            number = len(set(rows.text["row"][of_kind]))
            chosen = [part.answers.text["kind"] == kind for part in some]
            exact, alone, wrong, unexplained = (
                np.concatenate([part.answers.features[name][c] for part, c in zip(some, chosen, strict=True)])
                for name in ("exact", "alone", "wrong", "unexplained")
            )
            certain = np.concatenate([part.certain[c] for part, c in zip(some, chosen, strict=True)]) >= DEFAULT.sure
            certain &= (alone == 1) & (unexplained <= DEFAULT.most_unexplained)
            right = exact == 1
            both = (certain & right).sum()
            share = f"{both} ({both / max(right.sum(), 1):.0%})"
            cells = [number, len(exact), right.sum(), share, (certain & (wrong == 1)).sum()]
            first = "simulated" if simulated else "measured"
            out.append(f"| {first} | {kind} | {' | '.join(map(str, cells))} |")
    return "\n".join(out)


def line(name: str, stated: Array, right: NDArray[np.bool_]) -> str:
    rng = np.random.default_rng(0)
    perfect = [calibration_error(stated, rng.random(len(stated)) < stated) for _ in range(400)]
    figures = f"{log_loss(stated, right):.3f} | {calibration_error(stated, right):.3f}"
    return f"| {name} | {len(stated)} | {right.mean():.1%} | {figures} | {np.quantile(perfect, 0.95):.3f} |"


def calibration_error(stated: Array, right: NDArray[np.bool_]) -> float:
    """Mean distance of stated and found over bins from one half on, weighted by number."""
    edges = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0001])
    place = np.digitize(stated, edges) - 1
    parts = [(np.count_nonzero(place == i), abs(stated[place == i].mean() - right[place == i].mean()))
             for i in range(len(edges) - 1) if (place == i).any()]  # fmt: skip
    return float(np.average([d for _, d in parts], weights=[n for n, _ in parts])) if parts else float("nan")


if __name__ == "__main__":
    main()
