"""Does the simulation look real, and is the recipe wide enough? Fits of measured scans against the recipe.

    python benchmarks/realism.py [--data DIR] [--figures]

DIR holds dev.csv and scans (the shared data). Writes benchmarks/results/realism.md; with --figures also ten fits as
pictures to benchmarks/results/fits/, which is not kept in the repository.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bragglens.crystal.cif import read_cif
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.identification.evaluate import Label, read_manifest
from bragglens.scan.pattern import Grid
from bragglens.scan.read import read_scan
from bragglens.simulate.draws import draws
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.mixture import draw_conditions, single_phases
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.reference import widths
from bragglens.simulate.render import pack, reflections_in_range
from bragglens.simulate.specimen import Specimen

HERE = Path(__file__).parent
LIBRARY = {"single_tio2": "tio2", "tio2_mixtures": "tio2", "weighed_oxides": "oxides", "weighed_cpd": "oxides"}
LIBRARY |= {"li_mn_ti_o_f": "oxides", "single_rruff": "minerals", "single_rockjock": "minerals"}
LIBRARY |= {"mixed_rockjock": "minerals"}
ANGLE = 35.0  # degrees at which widths and shifts are compared
SUBTRACTED = 5e-4  # a background below this was subtracted before the scan was stored; fits scatter about zero there
QUANTITIES = ("background", "width", "shift", "counts")


@dataclass(frozen=True)
class Scan:
    """What a fitted scan says: background over strongest peak, FWHM and shift at ANGLE in degrees, counts on top."""

    label: Label
    fit: Fit
    background: float
    width: float
    shift: float
    counts: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--figures", action="store_true")
    arguments = parser.parse_args()
    labels = [one for one in read_manifest(arguments.data / "dev.csv", sets=LIBRARY) if not one.strangers]
    scans = [measure(label, arguments.data) for label in labels]
    limits = recipe_limits(Recipe(), arguments.data)
    text = report(scans, limits)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "realism.md").write_text(text)
    print(text)
    if arguments.figures:
        for scan in ten(scans):
            draw(scan, HERE / "results" / "fits" / f"{scan.label.file.stem}.png")


def measure(label: Label, data: Path) -> Scan:
    """Fit the labelled phases, and read off what the recipe draws."""
    scan = read_scan(label.file)
    phases = [read_cif(data / "phases" / LIBRARY[label.set_name] / f"{name}.cif") for name in sorted(label.phases)]
    done = fit(scan, phases, Instrument(emission("CuKa"), U=0.002))
    main_phase = int(np.argmax(done.patterns.max(axis=1)))
    peaks = (done.calculated - done.background).max()
    inside = np.median(done.background)
    return Scan(
        label,
        done,
        background=max(float(inside / peaks), SUBTRACTED),
        width=width(done.instrument, done.specimens[main_phase]),
        shift=float(
            done.instrument.zero - np.degrees(2 * done.specimens[0].displacement / 185) * np.cos(np.radians(ANGLE / 2))
        ),
        counts=float(peaks),
    )


def width(instrument: Instrument, specimen: Specimen) -> float:
    fwhm, _ = widths(np.array([ANGLE]), instrument.lines[0].wavelength, instrument, specimen)
    return float(fwhm[0])


def recipe_limits(recipe: Recipe, data: Path, count: int = 4000) -> dict[str, NDArray[np.float64]]:
    """1, 50 and 99% quantiles of the same four quantities among the recipe's samples."""
    grid = Grid(5.0, 90.0, 0.02)
    phase = read_cif(data / "phases" / "oxides" / "quartz.cif")
    packed = pack(reflections_in_range([phase], recipe.lines, grid), recipe.lines)
    drawn = draws(0, 0, count)
    c = draw_conditions(recipe, drawn, single_phases(drawn, phases=np.zeros(count, int)), packed, grid)
    fwhm = [
        width(
            Instrument(recipe.lines[:1], U=u[0], V=u[1], W=u[2], X=u[3], Y=u[4]),
            Specimen(size=size[0], microstrain=strain[0], lorentzian=share[0]),
        )
        for u, size, strain, share in zip(c.resolution, c.size, c.microstrain, c.lorentzian, strict=True)
    ]
    values = {
        "background": c.background[:, 0] * (1 + c.air * grid.start / ANGLE) + c.humps[:, :, 2].sum(axis=1) / 4,
        "width": np.array(fwhm),
        "shift": c.zero - c.tilt * np.cos(np.radians(ANGLE / 2)),
        "counts": c.counts,
    }
    return {name: np.quantile(v, [0.01, 0.5, 0.99]) for name, v in values.items()}


def report(scans: list[Scan], limits: dict[str, NDArray[np.float64]]) -> str:
    lines = [
        "# Does the simulation look real?",
        "",
        "`python benchmarks/realism.py --figures`. Each labelled scan of the development sets was fitted with the",
        "phases of its label (lattice, size, microstrain, texture, shifts, resolution, background). The table gives",
        f"the share of scans whose background, width and shift at {ANGLE:g}° and count level are inside the",
        "recipe's 1-99% range. Widths are FWHM and shifts in degrees, backgrounds relative to the strongest peak.",
        "",
        "| set | scans | median Rwp | " + " | ".join(QUANTITIES) + " |",
        "|---" * 7 + "|",
    ]
    for name in dict.fromkeys(s.label.set_name for s in scans):
        members = [s for s in scans if s.label.set_name == name]
        shares = [
            f"{np.mean([limits[q][0] <= getattr(s, q) <= limits[q][2] for s in members]):.0%}" for q in QUANTITIES
        ]
        rwp = np.median([s.fit.rwp for s in members])
        lines.append(f"| {name} | {len(members)} | {rwp:.1%} | " + " | ".join(shares) + " |")
    inside = [f"{limits[q][0]:.3g} / {limits[q][1]:.3g} / {limits[q][2]:.3g}" for q in QUANTITIES]
    lines += ["| recipe 1 / 50 / 99% | | | " + " | ".join(inside) + " |", "", *outside(scans, limits), "", *fits(scans)]
    return "\n".join(lines) + "\n"


def outside(scans: list[Scan], limits: dict[str, NDArray[np.float64]]) -> list[str]:
    """Every scan that the recipe does not reach."""
    rows = ["Outside:", ""]
    for s in scans:
        for q in QUANTITIES:
            value = getattr(s, q)
            if not limits[q][0] <= value <= limits[q][2]:
                rows.append(f"- {s.label.set_name} {s.label.file.name}: {q} {value:.3g} (Rwp {s.fit.rwp:.1%})")
    return rows


def ten(scans: list[Scan]) -> list[Scan]:
    """The first scans of each set, ten in all, two of the larger sets."""
    chosen: list[Scan] = []
    for name in dict.fromkeys(s.label.set_name for s in scans):
        chosen += [s for s in scans if s.label.set_name == name][:2]
    return chosen[:10]


def fits(scans: list[Scan]) -> list[str]:
    rows = ["Ten fits:", "", "| scan | phases | Rwp | expected |", "|---|---|---|---|"]
    for s in ten(scans):
        phases = ", ".join(sorted(s.label.phases))
        rows.append(f"| {s.label.file.name} | {phases} | {s.fit.rwp:.1%} | {s.fit.r_expected:.1%} |")
    return rows


def draw(scan: Scan, path: Path) -> None:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    f = scan.fit
    top.plot(f.two_theta, f.observed, "k.", ms=1.5, label="measured")
    top.plot(f.two_theta, f.calculated, lw=0.8, color="#d55e00", label="simulated")
    top.plot(f.two_theta, f.background, lw=0.8, color="#0072b2", label="background")
    top.set(title=f"{scan.label.file.name}: {', '.join(sorted(scan.label.phases))}, Rwp {f.rwp:.1%}", ylabel="counts")
    top.legend(frameon=False)
    bottom.plot(f.two_theta, f.observed - f.calculated, lw=0.6, color="0.3")
    bottom.set(xlabel="2θ (°)", ylabel="difference")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
