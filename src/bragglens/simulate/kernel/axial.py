"""Axial divergence: a line becomes the pieces of a Gauss quadrature (see `formulas.axial_divergence`)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bragglens.simulate.kernel.axes import TAIL
from bragglens.simulate.kernel.compiled import jit
from bragglens.simulate.kernel.optics import angle

SPREAD = 1e-4  # of the strongest line; largest error of a line that axial divergence spreads over few points
MOST = 24  # largest number of points over which axial divergence spreads a line


def _axial_rules() -> NDArray[np.float64]:
    """Gauss quadrature rules of 1 to MOST nodes over axial divergence: [n, 0] the nodes, [n, 1] their weights (sum 1).

    The weight function is 1 - h for h from 0 to 1, as the other factors of formulas.axial_divergence are smooth. The
    variable is h², to which the shift of a line is proportional. This takes half as many nodes as Gauss-Legendre in h.
    The rules come from the three-term recurrence on a fine grid and the eigenvectors of its matrix (Golub & Welsch
    1969, Math. Comp. 23, 221).
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    h, weights = 0.5 * (nodes + 1), 0.5 * (1 - nodes) * weights / 2
    before, here, diagonal, beside = np.zeros(200), np.ones(200), np.zeros(MOST), np.zeros(MOST + 1)
    here /= math.sqrt(weights.sum())
    for k in range(MOST):
        diagonal[k] = (weights * h**2 * here**2).sum()
        following = (h**2 - diagonal[k]) * here - beside[k] * before
        beside[k + 1] = math.sqrt((weights * following**2).sum())
        before, here = here, following / beside[k + 1]
    rules = np.zeros((MOST + 1, 2, MOST))
    for n in range(1, MOST + 1):
        matrix = np.diag(diagonal[:n]) + np.diag(beside[1:n], 1) + np.diag(beside[1:n], -1)
        squares, vectors = np.linalg.eigh(matrix)
        rules[n, 0, :n], rules[n, 1, :n] = np.sqrt(squares), vectors[0] ** 2
    return rules


_AXIAL = _axial_rules()


@jit
def place_lines(lines, top, geometry, pieces):  # type: ignore[no-untyped-def]
    """Fills `pieces` for `draw_peaks` with lines spread by axial divergence, and returns their number.

    Gauss quadrature with n nodes over a segment of `reach` FWHM misses a share of about q^n of a line. This holds for a
    line with poles half a FWHM from the segment, as those of a Lorentzian: q = (reach / (1 + √(1 + reach²)))²
    (Trefethen 2013, Approximation Theory and Approximation Practice, chapter 19). n is the smallest number that misses
    no more than SPREAD.
    """
    piece = 0
    for row in range(lines.shape[1]):
        height, reach = lines[4, row] / top, lines[5, row]
        if height < TAIL:
            continue
        ratio = reach / (1.0 + math.sqrt(1.0 + reach * reach))
        missed, n = height * ratio * ratio, 1
        while missed > SPREAD and n < MOST:
            missed *= ratio * ratio
            n += 1
        if n > 1:
            piece = _spread(lines[:, row], n, geometry, pieces, piece)
        else:
            for k in range(4):
                pieces[k, piece] = lines[k, row]
            pieces[4, piece] = 1.0
            piece += 1
    return piece


@jit
def _spread(line, n, geometry, pieces, piece):  # type: ignore[no-untyped-def]
    """Appends a line in n pieces by axial divergence (see `formulas.axial_divergence`), and returns the new length."""
    first, total, cos2 = piece, 0.0, line[6]
    for i in range(n):
        h = geometry.axial * _AXIAL[n, 0, i]
        c = cos2 * math.sqrt(1.0 + h * h)
        share = _AXIAL[n, 1, i] / (c * c * math.sqrt(max(1e-9, 1.0 - c * c)))
        pieces[0, piece], pieces[1, piece] = angle(c) / geometry.step + line[7], line[1]
        pieces[2, piece], pieces[3, piece], pieces[4, piece] = line[2] * share, line[3] * share, n
        total += share
        piece += 1
    for i in range(first, piece):
        pieces[2, i] /= total
        pieces[3, i] /= total
    return piece
