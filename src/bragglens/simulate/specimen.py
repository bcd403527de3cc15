"""Specimen: what the crystallites of one phase and their orientation contribute to a pattern."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Specimen:
    """State of one phase in the specimen.

    Attributes:
        size: volume-weighted crystallite size in nm.
        microstrain: mean relative spread of the lattice spacings, Δd/d.
        lorentzian: share of the broadening by size and microstrain that is Lorentzian, 0 (Gaussian) to 1.
        strain: coefficients of the phase's allowed lattice strains (`lattice.strain_basis`), relative. May be shorter.
        texture_axis: hkl of the March-Dollase axis.
        march: March-Dollase r. Below 1 for plate-like crystallites, above 1 for needles, 1 without texture.
        harmonics: coefficients of the orientation distribution beyond March-Dollase (`orientation`); empty without.
        displacement: height of the specimen above the focusing plane in mm.
        transparency: 1/(2 μ R) in degrees, 0 for a strongly absorbing specimen.
        roughness: p and q of Suortti's correction. p = 0 is a smooth surface.
        faults: stacking faults per nm. The lines that they broaden (`crystal.faults`) are as broad as those of
            crystallites of size 1/(1/size + faults). The compiled renderer takes those lines separately, with that
            size.
        fine_share, fine_size: share of the scattering by crystallites of a second, smaller size, and that size in nm:
            sharp lines on broad feet.
    """

    size: float = 100.0
    microstrain: float = 0.0
    lorentzian: float = 0.7
    strain: tuple[float, ...] = ()
    texture_axis: tuple[int, int, int] = (0, 0, 1)
    march: float = 1.0
    harmonics: tuple[float, ...] = ()
    displacement: float = 0.0
    transparency: float = 0.0
    roughness: tuple[float, float] = (0.0, 0.0)
    faults: float = 0.0
    fine_share: float = 0.0
    fine_size: float = 8.0
