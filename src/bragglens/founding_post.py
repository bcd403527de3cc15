"""The founding post's workflow on five phases of titania: simulate, train, identify, draw, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bragglens.crystal.library import Library, read_library
from bragglens.demo import MadeUp, copy_of, measured_fluorapatite
from bragglens.errors import FetchError
from bragglens.extras import extra
from bragglens.identification.answer import Identification, document
from bragglens.identification.identify import identify_file
from bragglens.identification.options import Options
from bragglens.learn.model import Model, save_model
from bragglens.scan.pattern import Grid
from bragglens.scan.rruff import fetch_rruff
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.specimen import Specimen

Bar = Callable[[str], AbstractContextManager[Any]]
_LINES = emission("CuKa")


def _made_up() -> dict[str, MadeUp]:
    """The simulated scans by name."""
    old = Instrument(_LINES, radius=173.0, W=0.012, U=0.02, V=-0.008, X=0.03, zero=0.06)
    new = Instrument(_LINES, radius=240.0, W=0.0016, U=0.004, X=0.02, Y=0.02, zero=-0.02, monochromator=26.6)
    fine = Specimen(size=9.0, microstrain=0.002, displacement=-0.08)
    coarse = Specimen(size=90.0, microstrain=0.0004, displacement=0.11)
    plates = replace(coarse, march=0.75, texture_axis=(0, 0, 1))
    long, short = Grid(10.0, 100.0, 0.013), Grid(8.0, 70.0, 0.03)
    return {
        "anatase_nano": MadeUp({"anatase": 1.0}, long, new, fine, 900.0, 0.4),
        "brookite": MadeUp({"brookite": 1.0}, short, old, coarse, 4000.0, 0.08),
        "rutile_textured": MadeUp({"rutile": 1.0}, long, new, plates, 20000.0, 0.02),
        "tio2_B": MadeUp({"tio2_B": 1.0}, short, old, replace(fine, size=20.0), 2500.0, 0.15),
        "tio2_II": MadeUp({"tio2_II": 1.0}, long, old, coarse, 1500.0, 0.1),
        "anatase_70_rutile_30": MadeUp({"anatase": 0.7, "rutile": 0.3}, short, new, coarse, 8000.0, 0.1),
        "anatase_60_brookite_40": MadeUp({"anatase": 0.6, "brookite": 0.4}, long, old, coarse, 6000.0, 0.1),
        "glass_only": MadeUp({}, short, old, coarse, 1000.0, 1.0),
    }


def run_founding_post(
    folder: Path, *, steps: int, rruff: bool, seed: int, console: Console, bar: Bar, report: Callable[[Any], None]
) -> None:
    """Run the whole workflow, and write CIFs, scans, model, figures, answers and report to `folder`."""
    with extra("train", "--founding-post"):
        import torch  # noqa: F401
    with extra("plots", "--founding-post"):
        import matplotlib  # noqa: F401
    started = time.perf_counter()
    library = _phases(folder / "phases")
    console.print(f"[bold]1[/] five CIFs of titania: {', '.join(library.names)}")
    scans, expected = _scans(library, folder / "scans")
    console.print(f"[bold]2[/] {len(expected)} simulated scans, by code independent of the training patterns")
    model = _train(library, folder / "titania.bragglens", steps, seed, bar, report)
    console.print(f"[bold]3[/] trained on {int(model.scores['samples']):,} mixtures simulated on the fly")
    scans += _measured(folder / "scans", console)
    if rruff:
        scans += _fetched(folder / "rruff", console)
    options = Options(wavelength=_LINES[0].wavelength)
    answers = [identify_file(scan, model, options) for scan in scans]
    _tell(answers, model, folder, console)
    _count(answers, expected, console)
    line = f"report: {folder / 'report.html'}   ({time.perf_counter() - started:.0f} s in all)"
    console.print(line, markup=False, soft_wrap=True)
    if not rruff:
        console.print("with a network: `bragglens demo --founding-post --rruff` also identifies eleven RRUFF scans")


def _phases(folder: Path) -> Library:
    """Copy the CIFs of the package to a folder that a user can look at, and read them there."""
    with as_file(files("bragglens") / "data" / "titania") as shipped:
        for cif in shipped.glob("*.cif"):
            copy_of(cif, folder / cif.name)
    return read_library(folder)


def _scans(library: Library, folder: Path) -> tuple[list[Path], dict[str, set[str]]]:
    made = _made_up()
    paths = [scan.write(library.phases, folder / f"{name}.xy", seed) for seed, (name, scan) in enumerate(made.items())]
    return paths, {f"{name}.xy": set(scan.content) for name, scan in made.items()}


def _train(library: Library, path: Path, steps: int, seed: int, bar: Bar, report: Callable[[Any], None]) -> Model:
    from bragglens.learn.train import train, use_threads  # imports torch: slow

    use_threads()
    with bar("training") as tick:
        model = train(library, steps=steps, seed=seed, tick=tick, report=report)
    save_model(model, path)
    return replace(model, name=path.name)


def _measured(folder: Path, console: Console) -> list[Path]:
    """A measured scan of a phase that is none of the five."""
    console.print("[bold]4[/] a measured scan of fluorapatite, which is none of the five")
    return [measured_fluorapatite(folder)]


def _fetched(folder: Path, console: Console) -> list[Path]:
    try:
        found = fetch_rruff(folder)
    except FetchError as error:
        console.print(str(error), style="yellow", markup=False)
        return []
    if found.missing:
        console.print(f"[yellow]RRUFF no longer offers {', '.join(found.missing)}[/]")
    return list(found.paths)


def _tell(answers: list[Identification], model: Model, folder: Path, console: Console) -> None:
    from bragglens.report.figures import ideal_patterns_figure, samples_figure, save_figure
    from bragglens.report.page import report_page
    from bragglens.report.words import table, write_json, write_text

    table(answers, console=console)
    write_json(document(model.name, answers), folder / "answers.json")
    grid = model.preparation.grid
    save_figure(ideal_patterns_figure(model.library, grid, _LINES), folder / "ideal_patterns.png")
    save_figure(samples_figure(*_sample_patterns(model.library, grid), grid), folder / "sample_patterns.png")
    intro = (
        "Five phases of titania, a network trained on patterns simulated on the fly, and scans it has not seen. "
        "All scans are simulated by code independent of the training patterns, except those called measured and those "
        "from RRUFF."
    )
    page = report_page(answers, model, title="bragglens demo", intro=intro)
    write_text(page, folder / "report.html")


def _sample_patterns(library: Library, grid: Grid) -> tuple[NDArray[np.float64], list[str]]:
    """Varied patterns of each phase with background and noise, as in the founding blog post."""
    from bragglens.simulate.noise import add_noise
    from bragglens.simulate.recipe import founding_recipe
    from bragglens.simulate.stored import simulate_set

    recipe = founding_recipe(strain=0.04, texture=0.8, domain_sizes=(20.0, 50.0))
    x, y = simulate_set(library, recipe, grid, per_phase=2)
    return add_noise(x), [library.names[i] for i in y]


def _count(answers: list[Identification], expected: dict[str, set[str]], console: Console) -> None:
    """Exact matches among the simulated scans, whose content is known."""
    known = [(a, expected[Path(a.file).name]) for a in answers if Path(a.file).name in expected]
    right = sum({finding.name for finding in answer.phases} == content for answer, content in known)
    console.print(f"{right} of {len(known)} simulated scans identified exactly")
