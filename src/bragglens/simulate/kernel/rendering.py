"""The kernels themselves: patterns of many samples, one after the other, in memory that is taken once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bragglens.simulate.draws import mix, noise_key
from bragglens.simulate.kernel.axes import COARSE, ROW, draw_peaks, join
from bragglens.simulate.kernel.axial import MOST, place_lines
from bragglens.simulate.kernel.background import fill_background
from bragglens.simulate.kernel.compiled import kernel, source_stamp, within
from bragglens.simulate.kernel.line_table import sample_lines
from bragglens.simulate.kernel.noise import add_counting_noise, add_spikes, smooth
from bragglens.simulate.kernel.optics import geometry_of
from bragglens.simulate.kernel.singles import largest
from bragglens.simulate.kernel.sticks import longest


class Space(NamedTuple):
    """Memory that the samples of a batch are made in, one after the other."""

    sticks: NDArray[np.float64]  # (2, reflections)
    sums: NDArray[np.float64]  # (4, reflections), see `structure_factors_squared`
    scattering: NDArray[np.float32]  # (2, reflections), (sin θ/λ)² and an element's scattering factor
    lines: NDArray[np.float64]  # (8, lines), see `_append_lines`
    pieces: NDArray[np.float64]  # (9, lines x MOST), see `draw_peaks`
    fine: NDArray[np.float32]  # (rows, ROW), as are the next two
    coarse: NDArray[np.float32]
    far: NDArray[np.float32]
    height: NDArray[np.float64]  # (slots,) of the strongest line of each slot
    place: NDArray[np.int64]  # (slots,) its point, -1 where there is none


@within
def work_space(lib, slots, n):  # type: ignore[no-untyped-def]
    """Memory for samples of n points."""
    most = longest(lib)
    lines = slots * most * lib.wavelengths.size
    fine_rows = (n - 1) // ROW + 1
    coarse_rows = fine_rows // COARSE + 1  # as many nodes as `fine` has intervals, and at least one more
    far_rows = coarse_rows // COARSE + 1
    return Space(
        np.empty((2, most)), np.empty((4, most)), np.empty((2, most), np.float32), np.empty((8, lines)),
        np.empty((9, lines * MOST)), np.empty((fine_rows, ROW), np.float32), np.empty((coarse_rows, ROW), np.float32),
        np.empty((far_rows, ROW), np.float32), np.zeros(slots), np.zeros(slots, np.int64),
    )  # fmt: skip


@within
def _draw_sample(lib, cond, b, n, start, step, space):  # type: ignore[no-untyped-def]
    """Draws all phases of one sample, and notes the strongest line of each slot that the scan covers."""
    geometry = geometry_of(cond, b, start, step)
    low, high = max((cond.span[b, 0] - start) / step, 0.0), min((cond.span[b, 1] - start) / step, n - 1.0)
    rows, top = sample_lines(lib, cond, b, geometry, space, low, high)
    draw_peaks(space, place_lines(space.lines[:, :rows], top, geometry, space.pieces), top)
    join(space.coarse, 1.0, space.far)
    join(space.fine, 1.0, space.coarse)


# numba looks at what a kernel holds in its closure, and so at the stamp (see `compiled`).


def _kernel_of_crystals(stamp: int):  # type: ignore[no-untyped-def]
    @kernel
    def render_crystals(lib, cond, start, step, out):  # type: ignore[no-untyped-def]
        """Fills `out` (batch, points) with clean patterns in the reference's unit, free of background."""
        _ = stamp
        batch, n = out.shape
        space = work_space(lib, cond.phase.shape[1], n)
        for b in range(batch):
            _draw_sample(lib, cond, b, n, start, step, space)
            fine = space.fine.ravel()
            for i in range(np.int32(n)):
                out[b, i] = fine[i]

    return render_crystals


def _kernel_of_batches(stamp: int):  # type: ignore[no-untyped-def]
    @kernel
    def render_batch(lib, cond, start, step, seed, out, signal):  # type: ignore[no-untyped-def]
        """Fills `out` (batch, points) and, for each slot, its strongest line over the noise beneath it.

        With counts 0 a pattern is clean and scaled to a strongest point of 1; else it holds counts.
        """
        _ = stamp
        batch, n = out.shape
        slots = cond.phase.shape[1]
        space = work_space(lib, slots, n)
        fine = space.fine.ravel()[:n]
        for b in range(batch):
            _draw_sample(lib, cond, b, n, start, step, space)
            top = max(np.float64(largest(fine)), 1e-30)
            fill_background(space.coarse, n, start, step, cond, b)
            join(space.fine, 1.0 / top, space.coarse)
            counts = cond.counts[b]
            for slot in range(slots):
                signal[b, slot] = 0.0
                if space.place[slot] >= 0:
                    under = max(fine[space.place[slot]], np.float32(1e-12))
                    signal[b, slot] = space.height[slot] / top * math.sqrt(max(counts, 1.0) / under)
            if counts > 0.0:
                key = noise_key(seed, cond.sample[b])
                add_counting_noise(fine, counts, key, out[b])
                if cond.spikes[b] > 0:
                    add_spikes(out[b], cond.spikes[b], counts, mix(key))
                if cond.smoothing[b] > 0:
                    smooth(out[b], fine, cond.smoothing[b])
            else:
                for i in range(np.int32(n)):
                    out[b, i] = fine[i]

    return render_batch


render_crystals, render_batch = _kernel_of_crystals(source_stamp()), _kernel_of_batches(source_stamp())
