"""Train the matcher that the package carries.

    python benchmarks/train_matcher.py [--steps N] [--apart FOLDER ...] [-o FILE]

Structures: all phases of AMCSD, compounds too (`bragglens library minerals --compounds`, from larixite's database), but
for 300 minerals drawn at random, all that looks like one of them, and all that looks like a phase of the folders named
with --apart: what the matcher is tested on it has never seen. The weights in the package took 50 minutes on two busy
cores, with the three folders of phases of the shared data apart.
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.minerals import gather_minerals
from bragglens.match.catalogue import catalogue
from bragglens.match.export import save_matcher
from bragglens.match.stream import open_stream
from bragglens.match.train import calibrate, recipe_of_any, train
from bragglens.simulate.duplicates import signatures
from bragglens.simulate.lines import lines_of_phases

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "src" / "bragglens" / "match" / "matcher.zip"
LEFT_OUT = 300  # minerals
SEED = 6
SAME, ALIKE, NEAR = 0.95, 0.9, 0.85  # likeness: of a phase left out, of one asked for, of one that is measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--apart", type=Path, nargs="*", default=[])
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    library, left_out = structures(asked.apart)
    lines = lines_of_phases(library)
    marks = signatures(lines)
    stream = open_stream(library, lines, marks @ marks.T > ALIKE, recipe_of_any(), seed=0)
    started = time.perf_counter()

    def tell(step: int, means: dict[str, float]) -> None:
        seconds = time.perf_counter() - started
        print(f"{step:6d}  cross-entropy {means['cross_entropy']:.3f}  shares {means['shares']:.4f}  {seconds:.0f} s")

    trained = train(stream, steps=asked.steps, report=tell, checkpoint=asked.output.with_suffix(".checkpoint"))
    slope, offset = calibrate(trained, stream)
    manifest = {
        "log_odds": [slope, offset],
        "structures": len(library),
        "left_out": left_out,
        "samples": asked.steps * 64,
        "recipe": stream.mixtures.recipe.to_dict(),
        "versions": {name: version(name) for name in ("bragglens", "torch", "numpy")},
        "date": datetime.date.today().isoformat(),
    }
    save_matcher(trained, manifest, asked.output)


def structures(apart: list[Path]) -> tuple[Library, list[str]]:
    """What the matcher may learn from, and the minerals it is tested on."""
    with tempfile.TemporaryDirectory() as folder:
        minerals = {path.stem for path in gather_minerals(Path(folder) / "minerals").files}
        gather_minerals(Path(folder) / "all", compounds=True)
        library = read_library(Path(folder) / "all")
    marks = signatures(catalogue(library).lines)
    measured = [signatures(catalogue(read_library(one)).lines) for one in apart]
    strange = np.all([(marks @ one.T).max(axis=1) <= NEAR for one in measured], axis=0) if measured else True
    allowed = np.broadcast_to(strange, len(library))
    mineral = np.array([phase.name.split("_")[0] if phase.name in minerals else "" for phase in library])
    names = sorted({name for name, free in zip(mineral, allowed, strict=True) if name and free})
    tested = np.isin(mineral, np.random.default_rng(SEED).choice(names, LEFT_OUT, replace=False))
    kept = allowed & ~tested & ((marks @ marks[tested].T).max(axis=1) <= SAME)
    phases = tuple(library.phases[i] for i in np.flatnonzero(kept))
    return Library(phases), [library.phases[i].name for i in np.flatnonzero(tested)]


if __name__ == "__main__":
    main()
