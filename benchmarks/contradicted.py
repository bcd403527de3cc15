"""Labels that their own scans contradict: each fitted as labelled, and with the phase that the answer names.

    python benchmarks/contradicted.py [--data DIR]

For each scan the phases of the label are fitted, then the same with one phase more or one in the place of another. At
the lines of that phase where hardly anything else is, what the labelled fit leaves is compared with counting noise, and
with what the second fit puts there: a phase that is there has all of its lines, each about as strong as its structure
says. Writes benchmarks/results/contradicted.md and a picture of each to results/contradicted/. Seconds on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from kept_answers import RESULTS, arguments
from numpy.typing import NDArray

from bragglens.crystal.cif import read_cif
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.identification.evaluate import Label, read_manifest
from bragglens.scan.read import read_scan
from bragglens.simulate.from_scan import instrument_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Doubt:
    """A scan whose label is doubted: what is there beyond it, and what of the label is not."""

    scan: str
    there: str
    instead_of: str = ""


DOUBTS = (
    Doubt("autoanalyzer__Mn2O3", "MnO2"),
    Doubt("autoanalyzer__Mn2O3+LiF", "MnO2"),
    Doubt("autoanalyzer__TiO2", "rutile"),
    Doubt("xerus_bench__LiMn2O4+LiF+Li2MnO3", "LiMnO2_59", "Li2MnO3"),
)
OWN = 0.6  # share of the fitted peaks that a phase must have where a line counts as its own
LINES = 4  # of them the strongest are looked at
HALF = 0.15  # degrees to either side, summed

HEAD = """# Labels that their scans contradict

`python benchmarks/contradicted.py`. All sets are scored by their original labels. So each of these scans counts as
not exact in every table, as often as it is in a set. The phase of the second column is fitted together with the
labelled ones, or in place of one of them. *left*: residual of the labelled fit within 0.15° of that phase's own lines
(those where it gives more than 60% of the fitted intensity), relative to counting noise. In brackets: the same
relative to the second fit's intensity there, near 1 if the structure is right. *Rwp*: of both fits. *wt%*: by the
second fit, uncorrected.

| scan | named in addition to the label | Rwp | wt% | left at its own lines, 2θ: σ (of calculated) |
|---|---|---|---|---|
"""


def main() -> None:
    options = arguments(__doc__).parse_args()
    labels = {label.file.stem: label for label in read_manifest(options.data / "dev.csv", sets=["li_mn_ti_o_f"])}
    folder = RESULTS / "contradicted"
    folder.mkdir(exist_ok=True)
    text, pictures = HEAD, ""
    for number, doubt in enumerate(DOUBTS, start=1):
        labelled, named = both_fits(labels[doubt.scan], doubt, options.data)
        lines = own_lines(named, doubt.there)
        text += row(doubt, labelled, named, lines)
        draw(doubt, labelled, named, lines, folder / f"{number}.png")
        pictures += f"\n![{doubt.scan}](contradicted/{number}.png)\n"
    (RESULTS / "contradicted.md").write_text(text + pictures)
    print(text)


def both_fits(label: Label, doubt: Doubt, data: Path) -> tuple[Fit, Fit]:
    """The scan as labelled, and with the phase that is named."""
    scan = replace(read_scan(label.file), wavelength=label.wavelength)

    def fitted(names: set[str]) -> Fit:
        phases = [read_cif(data / "phases" / "oxides" / f"{name}.cif") for name in sorted(names)]
        return fit(scan, phases, instrument_of(scan))

    return fitted(set(label.phases)), fitted({*label.phases, doubt.there} - {doubt.instead_of})


def own_lines(named: Fit, phase: str) -> list[int]:
    """Points of the axis at the strongest lines that are hardly anything but this phase's."""
    own = named.patterns[named.names.index(phase)]
    alone = np.where(own > OWN * named.patterns.sum(axis=0), own, 0.0)
    apart = round(1.0 / (named.two_theta[1] - named.two_theta[0]))
    found: list[int] = []
    while len(found) < LINES and alone.max() > 0.03 * own.max():
        found.append(int(np.argmax(alone)))
        alone[max(0, found[-1] - apart) : found[-1] + apart] = 0.0
    return sorted(found)


def row(doubt: Doubt, labelled: Fit, named: Fit, lines: Sequence[int]) -> str:
    place = named.names.index(doubt.there)
    cells = []
    for at in lines:
        near = np.abs(named.two_theta - named.two_theta[at]) < HALF
        left = float((labelled.observed - labelled.calculated)[near].sum())
        noise = float(np.sqrt((labelled.noise[near] ** 2).sum()))
        cells.append(f"{named.two_theta[at]:.1f}°: {left / noise:.0f} ({left / named.patterns[place][near].sum():.1f})")
    what = doubt.there + (f" for {doubt.instead_of}" if doubt.instead_of else "")
    weight = f"{100 * named.weight_fraction[place]:.1f}"
    return f"| {doubt.scan} | {what} | {labelled.rwp:.1%} → {named.rwp:.1%} | {weight} | {', '.join(cells)} |\n"


def draw(doubt: Doubt, labelled: Fit, named: Fit, lines: Sequence[int], path: Path) -> None:
    """A window at each of the lines."""
    figure, axes = plt.subplots(1, len(lines), figsize=(3.2 * len(lines), 3.3), squeeze=False, layout="constrained")
    for axis, at in zip(axes[0], lines, strict=True):
        near = np.abs(named.two_theta - named.two_theta[at]) < 0.9
        axis.plot(named.two_theta[near], named.observed[near], ".", color="0.4", label="measured")
        axis.plot(named.two_theta[near], labelled.calculated[near], "-", color="tab:blue", label="as labelled")
        axis.plot(named.two_theta[near], named.calculated[near], "-", color="tab:red", label=f"with {doubt.there}")
        axis.set_xlabel("2θ (°)")
    axes[0, 0].set_ylabel("counts")
    figure.suptitle(doubt.scan, fontsize="medium")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
