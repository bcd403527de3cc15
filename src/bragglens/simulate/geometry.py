"""Geometries: line positions of a diffractometer, and the share of their intensity that it measures.

Bragg-Brentano is the only geometry so far, and the only one in the kernel. The formulas are in `formulas`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bragglens.simulate import formulas
from bragglens.simulate.formulas import Array
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.specimen import Specimen


class Geometry(Protocol):
    """What a geometry does to lines at given 2θ in degrees."""

    def shift(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """Shift of lines from their Bragg angles on the scale of the instrument, in degrees."""

    def transmitted(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """Share of the intensity that slits and surface leave."""


class BraggBrentano:
    """Reflection from a flat specimen that rotates by half the angle of the detector."""

    def shift(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """See `Geometry`: zero shift, displacement and transparency of the specimen."""
        displacement, radius = specimen.displacement, instrument.radius
        return (
            instrument.zero
            + formulas.displacement_shift(two_theta=two_theta, displacement=displacement, radius=radius)
            + formulas.transparency_shift(two_theta=two_theta, transparency=specimen.transparency)
        )

    def transmitted(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """See `Geometry`: overspill of the beam at low angles, automatic slit, surface roughness."""
        p, q = specimen.roughness
        share = formulas.overspill(two_theta=two_theta, spill=instrument.spill)
        if instrument.automatic_slit:
            share = share * np.sin(np.radians(two_theta) / 2)
        return share * formulas.roughness(two_theta=two_theta, p=p, q=q)


GEOMETRIES: dict[str, Geometry] = {"bragg-brentano": BraggBrentano()}
