"""Intensities that hold: texture, few crystallites, two crystallite sizes, and errors of fractions.

    python benchmarks/intensities.py PART|table [--data DIR] [--scans N]

*textured*: the scans of textured.csv against the built-in library. *predicted*: R of every third line predicted from
the others. *model*: model errors that measured scans show. *errors*: weighed mixtures with the right phases, whether
the true fractions are inside the stated intervals. *mixtures*: the same for N simulated mixtures with texture, few
crystallites and coarse grains. *sizes*: single minerals with sharp lines on broad feet. *clinker*: three scans of a
cement clinker with its nine structures offered. Each part writes benchmarks/results/answers/intensities/PART.txt;
*table* joins them to results/intensities.md. Together half an hour on one core.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from kept_answers import ANSWERS, HERE, RESULTS, arguments
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bragglens import identify
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.phase import Phase
from bragglens.fit import extensions
from bragglens.fit.candidates import candidates
from bragglens.fit.engine import refine, solve
from bragglens.fit.evidence import phase_residuals
from bragglens.fit.line_scatter import lines_of
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.quantify import Quantities, quantify
from bragglens.fit.state import Solution
from bragglens.fit.structure import linear_absorption
from bragglens.fit.whole_pattern import fit_given
from bragglens.identification.evaluate import Label, read_manifest
from bragglens.match.builtin import builtin
from bragglens.scan.pattern import Grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]
PLACE = ANSWERS / "intensities"
TEXTURED = HERE / "textured.csv"
SINGLES = ("single_rruff", "single_rockjock")
WEIGHED = ("weighed_oxides", "weighed_cpd", "tio2_mixtures")
CLINKER = {
    "Clinker_Nist_CuKalpha1_R1": {"alite": 66.0, "belite": 16.2, "C4AF": 11.1, "periclase": 4.0, "aluminate": 1.9,
                                  "aphthitalite": 0.8},
    "Silicate_enriched_residue_Nist_CuKalpha1_R1": {"alite": 78.7, "belite": 16.3, "periclase": 5.0},
    "aluminate_enriched_residue_clinkerNIST_180718_R1": {"C4AF": 68.0, "periclase": 16.8, "aluminate": 12.8,
                                                         "aphthitalite": 2.4},
}  # fmt: skip
FORMS = {"alite_M3": "alite", "alite_T1": "alite", "belite_alphaH": "belite", "belite_beta": "belite",
         "C3A_cubic": "aluminate", "C3A_orthorhombic": "aluminate"}  # fmt: skip
SEED = 53_000_000
GRID = Grid(10.0, 90.0, 0.02)
SIZED = ("Gahnite", "Magnetite", "Periclase", "Fluorite")
FINE = ((0.5, 8.0), (0.7, 6.0), (0.5, 5.0), (0.85, 5.0))  # share of the scattering, nm
HEAD = """# Intensities that hold

`python benchmarks/intensities.py`: each part is described in the script.
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=(*PARTS, "table"))
    parser.add_argument("--scans", type=int, default=500)
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    if options.what == "table":
        kept = [PLACE / f"{name}.txt" for name in PARTS]
        (RESULTS / "intensities.md").write_text(HEAD + "".join("\n" + one.read_text() for one in kept if one.exists()))
        return
    started = time.process_time()
    with threadpool_limits(1):
        text = PARTS[options.what](options.data, options.scans)
    text += f"\n{time.process_time() - started:.0f} CPU seconds.\n"
    (PLACE / f"{options.what}.txt").write_text(text)
    print(text)


# --- fits of given phases -----------------------------------------------------------------------------------------


def problem_of(scan: Scan, phases: Sequence[Phase]) -> Problem:
    observed = observe(scan)
    return Problem(candidates(phases, instrument_of(scan), observed.grid.stop), observed)


def scan_of(label: Label) -> Scan:
    return replace(read_scan(label.file), wavelength=label.wavelength)


def listed() -> list[dict[str, str]]:
    with TEXTURED.open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@dataclass(frozen=True)
class Single:
    """A measured single mineral with the phases that are there, the labelled one first."""

    label: Label
    phases: tuple[Phase, ...]


def singles(data: Path) -> Iterator[Single]:
    """Scans of one mineral, with the impurities and names of causes.csv."""
    library = read_library(data / "phases" / "minerals")
    with (HERE / "causes.csv").open() as file:
        causes = [row for row in csv.DictReader(file) if row["cause"] in ("real", "label")]
    for label in read_manifest(data / "dev.csv", sets=SINGLES):
        if len(label.phases) == 1:
            names = [*label.phases, *(row["phase"] for row in causes if row["scan"] == label.file.stem)]
            yield Single(label, tuple(library[name] for name in dict.fromkeys(names) if name in library))


def first_place(problem: Problem, solution: Solution, name: str) -> int:
    return [one.name for one in problem.known.of(solution.state)].index(name)


# --- the parts ----------------------------------------------------------------------------------------------------


def textured(data: Path, scans: int) -> str:
    files = {label.file.name: label for label in read_manifest(data / "dev.csv")}
    rows = []
    for row in listed():
        label = files.get(row["scan"])
        path = label.file if label else data.parent / "cases" / "texture" / row["scan"]
        answer = identify(path, wavelength=label.wavelength if label else 1.5406)
        named = ", ".join(
            f"{one.name} {one.probability:.2f} (R {one.residual:.0%}, texture {one.texture:.1f}, "
            f"scatter {'–' if one.scatter is None else f'{one.scatter:.0%}'})"
            for one in answer.phases
        )
        rows.append(f"| {row['scan']} | {row['phases']} | {answer.verdict} | {named} | {answer.unexplained:.0%} |")
    head = "## Scans with texture or few crystallites\n\nThe labelled phase, forced, had R above 30% or a line off by "
    head += "more than a factor of 2 before the work (textured.csv).\n\n"
    return head + "| scan | phases | verdict | named | unexplained |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"


def predicted(data: Path, scans: int) -> str:
    """R of left-out lines with March-Dollase alone, and with what the package chooses."""
    out: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in SINGLES}
    for one in singles(data):
        problem = problem_of(scan_of(one.label), one.phases)
        chosen, solution = fit_given(problem)
        plain = replace(problem, observed=chosen.observed)
        march = refine(
            plain, solve(plain, replace(solution.state, own=without_harmonics(solution))), rounds=20, texture=True
        )
        values = [
            residual_of_unseen(where, state, one.phases[0].name)
            for where, state in ((plain, march), (chosen, solution))
        ]
        out[one.label.set_name].append((*values, chosen.known.oriented))
    rows = []
    for name, all_of in out.items():
        chosen_for = [one for one in all_of if one[2]]
        medians = [np.median([one[i] for one in some] or [np.nan]) for some in (all_of, chosen_for) for i in (0, 1)]
        cells = [f"{value:.3f}" for value in medians]
        rows.append(
            f"| {name} | {len(all_of)} | {cells[0]} | {cells[1]} | {len(chosen_for)} | {cells[2]} | {cells[3]} |"
        )
    head = """## R of every third line, predicted from the others

Median over scans. *oriented*: scans for which a distribution by harmonics is chosen, at most eight parameters more for
a phase.

| set | scans | March-Dollase | as chosen | oriented | of these, March-Dollase | as chosen |
|---|---|---|---|---|---|---|
"""
    return head + "\n".join(rows) + "\n"


def without_harmonics(solution: Solution) -> Array:
    from bragglens.fit.parameters import HARMONICS

    own = solution.state.own.copy()
    own[:, solution.state.parameters.places(HARMONICS)] = 0.0
    return own


def residual_of_unseen(problem: Problem, solution: Solution, name: str) -> float:
    place, missed, whole = first_place(problem, solution, name), 0.0, 0.0
    for unseen, seen in extensions.fits_of_others(problem, solution):
        own = np.where(unseen, seen.patterns[place] * seen.scales[place], 0.0)
        total = seen.calculated - seen.background
        measured = np.maximum(problem.observed.counts - seen.background, 0.0)
        missed += float((own * np.abs(measured - total)).sum())
        whole += float((own * np.maximum(measured, total)).sum())
    return missed / max(whole, 1e-300)


def model(data: Path, scans: int) -> str:
    """Model errors and scatters of measured scans with their phases."""
    errors, scatters = [], []
    for one in singles(data):
        problem, solution = fit_given(problem_of(scan_of(one.label), one.phases))
        place = first_place(problem, solution, one.phases[0].name)
        errors.append(problem.observed.model_error)
        scatters.append(
            (float(phase_residuals(problem, solution)[place]), lines_of(problem.observed, solution, place).scatter)
        )
    good = [scatter for residual, scatter in scatters if residual < 0.13 and not np.isnan(scatter)]
    quantiles = " · ".join(f"{100 * value:.1f}" for value in np.quantile(errors, (0.1, 0.25, 0.5, 0.75, 0.9)))
    return (
        f"## Model errors that measured scans show\n\n{len(errors)} single minerals with their phases. Relative model "
        f"error, quantiles 10 · 25 · 50 · 75 · 90%: {quantiles}%. Scatter of the lines of phases with R below 13% "
        f"({len(good)}): median {100 * np.median(good):.0f}%, largest {100 * max(good):.0f}%.\n"
    )


def errors(data: Path, scans: int) -> str:
    library = read_library(data / "phases" / "oxides")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WEIGHED}
    for name in WEIGHED:
        for label in read_manifest(data / "dev.csv", sets=[name]):
            if label.weight_percent:
                names, amounts = quantified(scan_of(label), [library[one] for one in sorted(label.weight_percent)])
                found[name] += [
                    (abs(amounts.weight_percent[i] - label.weight_percent[one]), float(amounts.error[i]))
                    for i, one in enumerate(names)
                ]
    return interval_table("Weighed mixtures, right phases given", found)


def quantified(scan: Scan, phases: Sequence[Phase]) -> tuple[list[str], Quantities]:
    problem, solution = fit_given(problem_of(scan, phases))
    return [one.name for one in problem.known.of(solution.state)], quantify(problem, solution)


def interval_table(title: str, found: dict[str, list[tuple[float, float]]]) -> str:
    rows = []
    for name, pairs in found.items():
        off, half = np.array(pairs).T
        rows.append(
            f"| {name} | {len(pairs)} | {off.mean():.2f} | {np.median(off):.2f} | {(off <= half).mean():.1%} | "
            f"{np.median(half):.2f} | {np.median(half) / max(float(np.median(off)), 1e-9):.1f} |"
        )
    head = f"## {title}\n\n*inside*: true fractions within the stated 95% interval; *half*: half of it, median.\n\n"
    head += "| set | fractions | mean error, wt% | median | inside | half, wt% | half / median error |\n"
    head += "|---|---|---|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def mixtures(data: Path, scans: int) -> str:
    """Two or three oxides with texture, few crystallites, and grains whose size nobody knows."""
    library = read_library(data / "phases" / "oxides")
    found: dict[str, list[tuple[float, float]]] = {"simulated": []}
    for number in range(scans):
        made = simulated_mixture(library, np.random.default_rng([SEED, number]))
        if made is None:
            continue
        scan, phases, true = made
        names, amounts = quantified(scan, phases)
        found["simulated"] += [
            (abs(amounts.weight_percent[i] - true[name]), float(amounts.error[i])) for i, name in enumerate(names)
        ]
    return interval_table(f"{scans} simulated mixtures with texture, few crystallites and coarse grains", found)


def simulated_mixture(library: Library, rng: np.random.Generator) -> tuple[Scan, list[Phase], dict[str, float]] | None:
    """A scan, its phases and their wt%.

    March-Dollase r is 0.6 to 1.6. Line intensities have a gamma distribution with a scatter of up to 40%. Grains are
    spheres of 3 µm times a log-normal factor of 2 (Brindley).
    """
    instrument = Instrument(emission("CuKa"), W=0.006)
    phases = [library.phases[i] for i in rng.choice(len(library.phases), int(rng.integers(2, 4)), replace=False)]
    grams = np.exp(0.8 * rng.normal(size=len(phases)))
    grams /= grams.sum()
    absorption = np.array([linear_absorption(phase, 1.5406) for phase in phases])
    volume = grams / np.array([phase.density for phase in phases])
    diameter = 3e-4 * float(np.exp(np.log(2) * rng.normal()))
    absorbed = np.exp(np.clip(-1.45 * (absorption - np.average(absorption, weights=volume)) * diameter / 2, -1.5, 1.5))
    clean = np.zeros(GRID.size)
    for phase, mass, factor in zip(phases, grams, absorbed, strict=True):
        (crystal,) = reflections_in_range([phase], instrument.lines, GRID)
        scatter = float(rng.uniform(0.02, 0.4))
        strength = rng.gamma(1 / scatter**2, scatter**2, len(crystal))
        scattered = replace(crystal, geometry=crystal.geometry * np.sqrt(strength)[:, None])
        specimen = Specimen(
            size=float(np.exp(rng.uniform(np.log(30), np.log(200)))),
            march=float(np.exp(rng.uniform(np.log(0.6), np.log(1.6)))),
            texture_axis=((0, 0, 1), (1, 0, 0), (1, 1, 1))[int(rng.integers(3))],
        )
        clean += mass * factor * pattern(scattered, instrument, specimen, GRID)
    counts = rng.poisson(8000 * (clean / clean.max() + 0.03)).astype(float)
    if len({phase.name for phase in phases}) < len(phases):
        return None
    true = {phase.name: 100 * float(mass) for phase, mass in zip(phases, grams, strict=True)}
    return Scan("made up", GRID.two_theta, counts, wavelength=instrument.lines[0].wavelength), phases, true


def sizes(data: Path, scans: int) -> str:
    """Minerals of two crystallite sizes, blind against the built-in library."""
    instrument, rows = Instrument(emission("CuKa"), W=0.006), []
    for name in SIZED:
        (crystal,) = reflections_in_range([builtin().library[name]], instrument.lines, GRID)
        for share, size in FINE:
            specimen = Specimen(size=150.0, fine_share=share, fine_size=size)
            clean = pattern(crystal, instrument, specimen, GRID)
            counts = np.random.default_rng(0).poisson(1e4 * (clean / clean.max() + 0.03)).astype(float)
            answer = identify(Scan("made up", GRID.two_theta, counts), wavelength="CuKa")
            named = ", ".join(f"{one.name} {one.probability:.2f}" for one in answer.phases)
            rows.append(f"| {name} | {share:.0%} of {size:g} nm | {answer.verdict} | {named} |")
    head = "## Sharp lines on broad feet\n\nCrystallites of 150 nm and a second size, blind.\n\n"
    return head + "| phase | second size | verdict | named |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def clinker(data: Path, scans: int) -> str:
    library = read_library(data / "clinker" / "phases")
    rows, off = [], []
    for stem, published in CLINKER.items():
        answer = identify(data / "clinker" / "scans" / f"{stem}.xrdml", library)
        found: dict[str, float] = {}
        for one in answer.phases:
            found[FORMS.get(one.name, one.name)] = found.get(FORMS.get(one.name, one.name), 0.0) + (
                one.weight_percent or 0.0
            )
        off += [abs(found.get(name, 0.0) - weight) for name, weight in published.items() if weight > 2]
        cells = ", ".join(f"{name} {found.get(name, 0.0):.1f} ({weight})" for name, weight in published.items())
        rows.append(f"| {stem} | {answer.verdict} | {cells} | {answer.rwp:.1%} |")
    head = f"## Cement clinker\n\nMean error of the published fractions above 2 wt%: {np.mean(off):.1f} wt%.\n\n"
    return head + "| scan | verdict | wt% (published) | Rwp |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


PARTS = {part.__name__: part for part in (textured, predicted, model, errors, mixtures, sizes, clinker)}

if __name__ == "__main__":
    main()
