"""Demo: a measured and a simulated scan identified with the built-in library."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from rich.console import Console

from bragglens.crystal.phase import Phase
from bragglens.files import whole_file
from bragglens.identification.answer import Identification, document
from bragglens.identification.identify import identify_file
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.match.builtin import builtin
from bragglens.match.catalogue import Catalogue
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

_LINES = emission("CuKa")


@dataclass(frozen=True)
class MadeUp:
    """A simulated scan for a demonstration.

    It comes from the reference model and not from the training recipe: its own instrument, an exponential background
    with a Lorentzian glass hump, and other ranges, steps, widths, shifts and counts, all fixed here.
    """

    content: dict[str, float]
    grid: Grid
    instrument: Instrument
    specimen: Specimen
    counts: float
    background: float

    def write(self, phases: Sequence[Phase], path: Path, seed: int) -> Path:
        """Write it as a two-column file whose header says that it is simulated."""
        crystals = {one.phase.name: one for one in reflections_in_range(phases, _LINES, self.grid)}
        angle = self.grid.two_theta
        clean = np.zeros(self.grid.size)
        for name, share in self.content.items():
            clean += share * pattern(crystals[name], self.instrument, self.specimen, self.grid)
        clean /= clean.max() if self.content else 1.0
        hump = 0.6 / (1 + ((angle - 22.0) / 6.0) ** 2)
        expected = self.counts * (clean + self.background * (np.exp(-(angle - angle[0]) / 15) + 0.3 + hump))
        counts = np.random.default_rng(seed).poisson(expected)
        header = "simulated scan of the bragglens demo, not a measurement\nwavelength = 1.5405929"
        with whole_file(path) as file:
            np.savetxt(file, np.column_stack([angle, counts]), fmt=("%.4f", "%d"), header=header)
        return path


MARL = MadeUp(
    {"Calcite": 0.55, "Quartz": 0.3, "Dolomite": 0.15},
    Grid(10.0, 80.0, 0.02),
    Instrument(_LINES, radius=240.0, W=0.004, U=0.004, X=0.02, Y=0.02, zero=0.02),
    Specimen(size=80.0, microstrain=0.0005, displacement=0.06, march=0.85, texture_axis=(1, 0, 4)),
    counts=6000.0,
    background=0.06,
)


def run_demo(folder: Path, *, console: Console) -> None:
    """Identify two scans, and write them, their answers and a report to `folder`."""
    from bragglens.report.details import details

    library = builtin()
    console.print(f"[bold]built-in library[/]: {len(library):,} structures")
    scans = [measured_fluorapatite(folder), _simulated(library, folder / "simulated_marl.xy")]
    answers = []
    for scan, what in zip(scans, ("measured", "simulated, not measured"), strict=True):
        started = time.perf_counter()
        answers.append(identify_file(scan, library, Options(wavelength=_LINES[0].wavelength)))
        console.print(f"\n[bold]{scan.name}[/] ({what}), {time.perf_counter() - started:.1f} s")
        details(answers[-1], console=console)
    _write(answers, library, folder)
    console.print(f"\nreport: {folder / 'report.html'}", markup=False, soft_wrap=True)
    console.print(f"next: bragglens identify YOUR_SCAN --report {folder / 'mine.html'}", markup=False, soft_wrap=True)


def measured_fluorapatite(folder: Path) -> Path:
    """The measured scan of fluorapatite in the package, copied to a folder."""
    with as_file(files("bragglens") / "data" / "scans" / "measured_fluorapatite.xra") as shipped:
        return copy_of(shipped, folder / shipped.name)


def copy_of(shipped: Path, path: Path) -> Path:
    """Copy a file of the package to a path that a user can look at."""
    with whole_file(path) as file:
        file.write(shipped.read_bytes())
    return path


def _simulated(library: Catalogue, path: Path) -> Path:
    return MARL.write([library.library[name] for name in MARL.content], path, seed=1)


def _write(answers: Sequence[Identification], library: Catalogue, folder: Path) -> None:
    from bragglens.report.page import report_page
    from bragglens.report.words import write_json, write_text

    write_json(document(proposer_of(library).identity, list(answers)), folder / "answers.json")
    intro = "A measured scan of fluorapatite, and a simulated one of a marl, compared with the built-in library."
    write_text(report_page(answers, library, title="bragglens demo", intro=intro), folder / "report.html")
