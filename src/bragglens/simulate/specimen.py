"""Specimen: what the grains of one phase, and how they lie in the beam, put into a pattern."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Specimen:
    """State of one phase in the specimen.

    Attributes:
        size: volume-weighted crystallite size in nm.
        microstrain: mean relative spread of the lattice spacings, Δd/d.
        lorentzian: share of the broadening by size and microstrain that is Lorentzian, 0 (Gaussian) to 1.
        strain: coefficients of the phase's allowed lattice strains (`lattice.strain_basis`), relative; may be shorter.
        texture_axis: hkl of the March-Dollase axis.
        march: March-Dollase r; below 1 plates lie flat on the axis, above 1 needles, 1 is no texture.
        displacement: height of the specimen above the focusing plane in mm.
        transparency: 1/(2 μ R) in degrees; 0 for a specimen that absorbs strongly.
        roughness: p and q of Suortti's correction; p = 0 is a smooth surface.
        faults: how many stacking faults lie along a nm; the lines that they blur (`crystal.faults`) are as broad as of
            crystallites of 1/(1/size + faults). The compiled renderer is given those lines apart, with that size.
    """

    size: float = 100.0
    microstrain: float = 0.0
    lorentzian: float = 0.7
    strain: tuple[float, ...] = ()
    texture_axis: tuple[int, int, int] = (0, 0, 1)
    march: float = 1.0
    displacement: float = 0.0
    transparency: float = 0.0
    roughness: tuple[float, float] = (0.0, 0.0)
    faults: float = 0.0
