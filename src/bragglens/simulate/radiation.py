"""Kinds of radiation: what atoms scatter of it. X-rays are the only kind yet, and the one that the kernel knows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.scattering import dispersion, form_factor, form_factor_coefficients


class Radiation(Protocol):
    """What a kind of radiation gives."""

    def amplitudes(
        self, elements: tuple[str, ...], d: NDArray[np.float64], wavelength: float
    ) -> NDArray[np.complex128]:
        """What an atom of each element scatters into lines of spacing d in Å, shape (lines, elements).

        In a unit of the radiation; the imaginary part is what lags by a quarter of a wave.
        """


class XRays:
    """Scattered by electrons: f0 + f' + i f'', in electrons."""

    def amplitudes(
        self, elements: tuple[str, ...], d: NDArray[np.float64], wavelength: float
    ) -> NDArray[np.complex128]:
        """See `Radiation`."""
        f0 = form_factor(form_factor_coefficients(elements), 1 / (4 * d**2))
        return np.asarray(f0 + dispersion(elements, wavelength))


RADIATIONS: dict[str, Radiation] = {"x-ray": XRays()}
