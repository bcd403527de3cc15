"""Geometries: where a diffractometer puts lines, and how much of them it lets through.

Bragg-Brentano is the only one yet, and the one that the kernel knows. Their formulas stand in `formulas`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bragglens.simulate import formulas
from bragglens.simulate.formulas import Array
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.specimen import Specimen


class Geometry(Protocol):
    """What a geometry does to lines at some 2θ in degrees."""

    def shift(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """How far lines stand from their Bragg angles on the instrument's scale, in degrees."""

    def transmitted(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """Share of intensity that slits and surface leave."""


class BraggBrentano:
    """Reflection from a flat specimen that turns at half the angle of the detector."""

    def shift(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """See `Geometry`: zero error, displacement and transparency of the specimen."""
        displacement, radius = specimen.displacement, instrument.radius
        return (
            instrument.zero
            + formulas.displacement_shift(two_theta=two_theta, displacement=displacement, radius=radius)
            + formulas.transparency_shift(two_theta=two_theta, transparency=specimen.transparency)
        )

    def transmitted(self, two_theta: Array, instrument: Instrument, specimen: Specimen) -> Array:
        """See `Geometry`: a beam that spills over at low angle, an automatic slit, a rough surface."""
        p, q = specimen.roughness
        share = formulas.overspill(two_theta=two_theta, spill=instrument.spill)
        if instrument.automatic_slit:
            share = share * np.sin(np.radians(two_theta) / 2)
        return share * formulas.roughness(two_theta=two_theta, p=p, q=q)


GEOMETRIES: dict[str, Geometry] = {"bragg-brentano": BraggBrentano()}
