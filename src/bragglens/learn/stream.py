"""Stream: simulated scans and the phases in them, as input and labels of a library's network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.scan.prepare import Preparation
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.scans import Mixtures, Scans, mixtures


@dataclass(frozen=True)
class Batch:
    """Labelled input of a network.

    Attributes:
        x: network input, shape (batch, channels, points).
        present: 1 where the phase (last column: a phase outside the library) is in the sample, (batch, phases + 1).
        loss_mask: 0 where the phase is in the sample but not visible above the noise, so that no answer is wrong.
    """

    x: NDArray[np.float32]
    present: NDArray[np.float32]
    loss_mask: NDArray[np.float32]


@dataclass(frozen=True)
class Stream:
    """Source of batches."""

    mixtures: Mixtures
    preparation: Preparation

    def batch(self, first: int, count: int) -> Batch:
        """Samples first ... first + count - 1."""
        scans = self.mixtures.scans(first, count)
        return Batch(self.preparation.apply(scans.counts, scans.covered), *_labels(scans, self.mixtures.library))


def open_stream(
    library: Library, recipe: Recipe, preparation: Preparation, *, seed: int, outside: int, threads: int = 1
) -> Stream:
    """Prepare the reflections of a library, and of `outside` phases outside it, once."""
    source = mixtures(library, recipe, preparation.grid, seed=seed, outside=outside, threads=threads)
    return Stream(source, preparation)


def _labels(scans: Scans, library: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`Batch.present` and `Batch.loss_mask`."""
    phase = scans.content.phase
    present = np.zeros((len(phase), library + 1), dtype=np.float32)
    loss_mask = np.ones_like(present)
    row, slot = np.nonzero(phase >= 0)
    column = np.minimum(phase[row, slot], library)
    visible = scans.visible[row, slot]
    present[row[visible], column[visible]] = 1.0
    loss_mask[row[~visible], column[~visible]] = 0.0
    return present, loss_mask
