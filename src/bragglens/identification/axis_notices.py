"""Notices about the axis of a scan, from the fit and from the file header. None of them changes the answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.whole_pattern import Fit
from bragglens.scan.scan import Scan
from bragglens.simulate.formulas import displacement_shift
from bragglens.simulate.instrument import TUBES, Instrument, strongest_line
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

LARGEST_OFFSET = 0.5  # degrees; an aligned diffractometer with the specimen at its height has a smaller offset
ROUNDED = 5e-4  # relative; tables of wavelengths, and values with three decimals, differ by less
_CONSTANTS = 3  # lattice constants that must change by the same factor before the axis is taken for stretched
_LARGEST_DIFFERENCE = 0.0015  # relative; largest difference between these changes
_MEASURED = 0.1  # of the calculated intensity; phases with less are ignored
STRAIN_STATED = 0.01  # relative; on the true axis a phase has its own cell


def stretch_notice(fit: Fit) -> str | None:
    """A notice where a fit changed all lattices by the same factor, by more than STRAIN_STATED; else None."""
    strain = common_strain(fit)
    if strain is None or abs(strain) <= STRAIN_STATED:
        return None
    named = ", ".join(sorted(name for name, cell in zip(fit.names, fit.cells, strict=True) if cell)[:3])
    return (
        f"axis? the fit changed all lattice constants of {named} by {100 * strain:+.1f}%, all by the same factor: 2θ "
        "is perhaps "
        f"{'stretched' if strain < 0 else 'compressed'} by about {100 * abs(strain):.0f}%: "
        "check the step of the axis and the wavelength"
    )


def common_strain(fit: Fit) -> float | None:
    """The relative change that all lattice constants of a fit share; None where they differ, or are too few.

    A change of composition changes each constant of a lattice differently. A wrong axis changes all by the same factor.
    Phases with little of the intensity are ignored: their lattices are hardly determined.
    """
    area = fit.patterns.sum(axis=1)
    constants, changes = 0, []
    for cell, one, specimen, own in zip(fit.cells, fit.candidates, fit.specimens, area, strict=True):
        given = one.cell(np.zeros(len(specimen.strain)))
        if cell is not None and given is not None and own >= _MEASURED * area.sum():
            constants += len(specimen.strain)
            changes += [float(value / before - 1) for value, before in zip(cell[:3], given[:3], strict=True)]
    if constants < _CONSTANTS or max(changes) - min(changes) > _LARGEST_DIFFERENCE:
        return None
    return float(np.mean(changes))


def wavelength_notice(scan: Scan, used: float) -> list[str]:
    """A note where a scan is evaluated with another wavelength in Å than its file states, beyond rounding."""
    if scan.wavelength is None or abs(strongest_line(scan.wavelength) / used - 1) < ROUNDED:
        return []
    stated, given = (f"{value:.5g} Å{_tube(value)}" for value in (scan.wavelength, used))
    return [f"the file states a wavelength of {stated}; {given} was given and is used: check which one is right"]


def _tube(wavelength: float) -> str:
    """The tube with this Kα wavelength, in parentheses, or an empty text."""
    near = [anode for anode, (first, _, _) in TUBES.items() if abs(strongest_line(wavelength) / first - 1) < ROUNDED]
    return f" ({near[0]}Ka)" if near else ""


def offset_notice(fit: Fit) -> str | None:
    """A notice where a fit shifted the axis by more than LARGEST_OFFSET, else None."""
    if not fit.specimens:
        return None
    shift = mean_shift(fit.instrument, fit.specimens[0], fit.two_theta)
    if abs(shift) <= LARGEST_OFFSET:
        return None
    return f"offset? the fit took 2θ to be {too_far(shift)}: check the zero of the axis and the specimen's height"


def mean_shift(instrument: Instrument, specimen: Specimen, two_theta: Array) -> float:
    """Mean shift of the axis by zero shift and sample displacement together, in degrees."""
    return float(axis_shift(instrument, specimen, two_theta).mean())


def axis_shift(instrument: Instrument, specimen: Specimen, two_theta: Array) -> Array:
    """The shift at each angle, in degrees."""
    moved = displacement_shift(two_theta=two_theta, displacement=specimen.displacement, radius=instrument.radius)
    return instrument.zero + moved


def too_far(shift: float) -> str:
    """The offset of an axis, in words."""
    return f"{abs(shift):.1f}° too {'high' if shift > 0 else 'low'}"
