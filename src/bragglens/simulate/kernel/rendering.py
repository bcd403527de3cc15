"""The kernel: patterns of many samples, one after the other, in memory that is allocated once."""

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
    """Work memory for the samples of a batch, one after the other."""

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
    coarse_rows = fine_rows // COARSE + 1  # at least one node more than the intervals of `fine`
    far_rows = coarse_rows // COARSE + 1
    return Space(
        np.empty((2, most)), np.empty((4, most)), np.empty((2, most), np.float32), np.empty((8, lines)),
        np.empty((9, lines * MOST)), np.empty((fine_rows, ROW), np.float32), np.empty((coarse_rows, ROW), np.float32),
        np.empty((far_rows, ROW), np.float32), np.zeros(slots), np.zeros(slots, np.int64),
    )  # fmt: skip


@within
def _draw_sample(lib, cond, b, n, start, step, space):  # type: ignore[no-untyped-def]
    """Draws all phases of one sample, and stores the strongest line of each slot in the range of the scan."""
    geometry = geometry_of(cond, b, start, step)
    low, high = max((cond.span[b, 0] - start) / step, 0.0), min((cond.span[b, 1] - start) / step, n - 1.0)
    rows, top = sample_lines(lib, cond, b, geometry, space, low, high)
    draw_peaks(space, place_lines(space.lines[:, :rows], top, geometry, space.pieces), top)
    join(space.coarse, 1.0, space.far)
    join(space.fine, 1.0, space.coarse)


def _kernel(stamp: int):  # type: ignore[no-untyped-def]
    @kernel
    def render_batch(lib, cond, start, step, seed, crystals_only, out, signal):  # type: ignore[no-untyped-def]
        """Fills `out` (batch, points) and, for each slot, the ratio of its strongest line to the noise at this point.

        With counts 0 a pattern is clean and scaled to a strongest point of 1, else it consists of counts. With
        `crystals_only` it is clean, in the unit of the reference and without background, and `signal` is not filled.
        """
        _ = stamp  # a value of the closure, which numba's cache checks (see `compiled`)
        batch, n = out.shape
        slots = cond.phase.shape[1]
        space = work_space(lib, slots, n)
        fine = space.fine.ravel()[:n]
        for b in range(batch):
            _draw_sample(lib, cond, b, n, start, step, space)
            if not crystals_only:
                top = max(np.float64(largest(fine)), 1e-30)
                fill_background(space.coarse, n, start, step, cond, b)
                join(space.fine, 1.0 / top, space.coarse)
                _note_signal(cond, b, fine, top, space, signal)
            if cond.counts[b] > 0.0 and not crystals_only:
                _count(cond, b, seed, fine, out[b])
            else:
                for i in range(np.int32(n)):
                    out[b, i] = fine[i]

    return render_batch


@within
def _note_signal(cond, b, fine, top, space, signal):  # type: ignore[no-untyped-def]
    """Height of each slot's strongest line over the counting noise at this point, 0 for a slot without a line."""
    for slot in range(signal.shape[1]):
        signal[b, slot] = 0.0
        if space.place[slot] >= 0:
            under = max(fine[space.place[slot]], np.float32(1e-12))
            signal[b, slot] = space.height[slot] / top * math.sqrt(max(cond.counts[b], 1.0) / under)


@within
def _count(cond, b, seed, fine, out):  # type: ignore[no-untyped-def]
    """Fills `out` with counts. `fine` is then used as work memory."""
    key = noise_key(seed, cond.sample[b])
    add_counting_noise(fine, cond.counts[b], key, out)
    if cond.spikes[b] > 0:
        add_spikes(out, cond.spikes[b], cond.counts[b], mix(key))
    if cond.smoothing[b] > 0:
        smooth(out, fine, cond.smoothing[b])


render_batch = _kernel(source_stamp())
