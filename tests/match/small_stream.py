"""A small library and its stream of samples, for the tests of the matcher's training."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from bragglens.crystal.library import Library, read_library
from bragglens.match import stream
from bragglens.match.train import recipe_of_any
from bragglens.simulate.duplicates import signatures
from bragglens.simulate.lines import Lines, lines_of_phases
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.scans import mixtures

_OTHERS = 125  # a sample needs more than HARD_POOL phases that are not in the scan


@cache
def small_library() -> Library:
    """Titania, and random structures."""
    titania = read_library(str(files("bragglens") / "data" / "titania"))
    return Library((*titania.phases, *(random_structure(1000 + i) for i in range(_OTHERS))))


@cache
def small_lines() -> Lines:
    return lines_of_phases(small_library())


@cache
def small_stream(seed: int = 4) -> stream.Stream:
    """The stream of the small library, with few phases outside it."""
    marks = signatures(small_lines())
    source = mixtures(small_library(), recipe_of_any(), stream.GRID, seed=seed, outside=4)
    return stream.Stream(source, stream.reference_lines(small_lines()), marks @ marks.T > 0.9)
