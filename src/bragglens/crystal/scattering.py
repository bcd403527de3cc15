"""How an atom scatters X-rays: form factors and dispersion, from gemmi's tables.

All atoms are neutral: CIFs seldom state charges, and the difference to ions vanishes above sin θ/λ of
0.2 Å⁻¹ (International Tables C, 6.1.1).
"""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

HC = 12398.419843  # eV Å, CODATA 2018


def form_factor_coefficients(elements: tuple[str, ...]) -> NDArray[np.float64]:
    """Coefficients a1-a4, b1-b4, c of each element, shape (n, 9).

    Source: International Tables for Crystallography C (1992), table 6.1.1.4, as gemmi holds it.
    """
    table = [gemmi.Element(element).it92 for element in elements]
    return np.array([[*entry.a, *entry.b, entry.c] for entry in table]).reshape(-1, 9)


def form_factor(coefficients: NDArray[np.float64], s2: NDArray[np.float64]) -> NDArray[np.float64]:
    """f0 = Σ aᵢ exp(-bᵢ s²) + c with s = sin θ/λ; `s2` is s² in Å⁻², shape (m,); the result is in electrons, (m, n).

    Valid to s = 2 Å⁻¹ (International Tables C, 6.1.1.4).
    """
    a, b, c = coefficients[:, :4], coefficients[:, 4:8], coefficients[:, 8]
    return np.asarray(np.einsum("nk,mnk->mn", a, np.exp(-b * s2[:, None, None])) + c)


def dispersion(elements: tuple[str, ...], wavelength: float) -> NDArray[np.complex128]:
    """f' + i f'' of each element in electrons, shape (n,), at a wavelength in Å.

    Source: Cromer & Liberman (1981), Acta Cryst. A37, 267, as gemmi computes it; zero for hydrogen and helium, which
    the tables leave out.
    """
    found = [gemmi.cromer_liberman(gemmi.Element(e).atomic_number, HC / wavelength) for e in elements]
    return np.array([complex(*value) if np.isfinite(value).all() else 0j for value in found])
