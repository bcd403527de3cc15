"""Background: a polynomial, air scatter and amorphous humps."""

from __future__ import annotations

import numpy as np

from bragglens.simulate.kernel.axes import COARSE, add_gauss
from bragglens.simulate.kernel.compiled import jit
from bragglens.simulate.kernel.singles import F0, F1

HUMP_REACH = 5.0  # in standard deviations


@jit
def fill_background(coarse, points, start, step, cond, b):  # type: ignore[no-untyped-def]
    """Chebyshev background, air scatter and humps on the coarse axis, all relative to a strongest peak of 1."""
    level, air = np.float32(cond.background[b, 0]), np.float32(cond.air[b])
    c1, c2 = np.float32(cond.background[b, 1]), np.float32(cond.background[b, 2])
    c3, c4 = np.float32(cond.background[b, 3]), np.float32(cond.background[b, 4])
    nodes = coarse.ravel()
    scale, growth = np.float32(2.0 / (points // COARSE + 1)), np.float32(COARSE * step / start)
    for i in range(np.int32(nodes.size)):
        x = scale * np.float32(i) - F1
        t2 = (x + x) * x - F1
        t3 = (x + x) * t2 - x
        t4 = (x + x) * t3 - t2
        shape = F1 + c1 * x + c2 * t2 + c3 * t3 + c4 * t4
        nodes[i] = level * ((shape if shape > F0 else F0) + air / (F1 + growth * np.float32(i)))
    spacing = COARSE * step
    for h in range(cond.humps.shape[1]):
        centre, deviation, height = cond.humps[b, h, 0], cond.humps[b, h, 1] / spacing, cond.humps[b, h, 2]
        if height > 0.0:
            width = 0.5 / (deviation * deviation)
            add_gauss(coarse, (centre - start) / spacing, height, width, HUMP_REACH * deviation)
