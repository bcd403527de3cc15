"""Kinds of radiation and their scattering by atoms. X-rays are the only kind so far, and the only one in the kernel."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.scattering import dispersion, form_factor, form_factor_coefficients


class Radiation(Protocol):
    """Scattering amplitudes for a kind of radiation."""

    def amplitudes(
        self, elements: tuple[str, ...], d: NDArray[np.float64], wavelength: float
    ) -> NDArray[np.complex128]:
        """Scattering amplitude of each element at lines of spacing d in Å, shape (lines, elements).

        The unit depends on the radiation. The imaginary part has a phase shift of a quarter of a wavelength.
        """


class XRays:
    """X-rays, scattered by electrons: f0 + f' + i f'', in electrons."""

    def amplitudes(
        self, elements: tuple[str, ...], d: NDArray[np.float64], wavelength: float
    ) -> NDArray[np.complex128]:
        """See `Radiation`."""
        f0 = form_factor(form_factor_coefficients(elements), 1 / (4 * d**2))
        return np.asarray(f0 + dispersion(elements, wavelength))


RADIATIONS: dict[str, Radiation] = {"x-ray": XRays()}
