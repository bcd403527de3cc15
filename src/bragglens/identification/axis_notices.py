"""What a fit, and a file's header, say of the axis of a scan: a notice for each, none of which changes the answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.whole_pattern import Fit
from bragglens.scan.scan import Scan
from bragglens.simulate.formulas import displacement_shift
from bragglens.simulate.instrument import TUBES, Instrument, strongest_line
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

LARGEST_OFFSET = 0.5  # degrees; a diffractometer in order, with a specimen at its height, is less off
ROUNDED = 5e-4  # relative; tables of wavelengths differ by less, and so do values of three decimals
_CONSTANTS = 3  # lattice constants that must change alike before an axis is taken for stretched
_ALIKE = 0.0015  # relative; what they may differ by
_MEASURED = 0.1  # of the calculated intensity; lattices of phases with less are not asked
STRAIN_STATED = 0.01  # relative; a phase on its true axis has its own cell


def stretch_notice(fit: Fit) -> str | None:
    """A notice where a fit had to change all lattices by the same share, more than STRAIN_STATED, else None."""
    strain = common_strain(fit)
    if strain is None or abs(strain) <= STRAIN_STATED:
        return None
    named = ", ".join(sorted(fit.names)[:3])
    return (
        f"axis? the fit changed all lattice constants of {named} by {100 * strain:+.1f}%, all alike: 2θ is perhaps "
        f"{'stretched' if strain < 0 else 'compressed'} by about {100 * abs(strain):.0f}%: "
        "check the step of the axis and the wavelength"
    )


def common_strain(fit: Fit) -> float | None:
    """The relative change that all lattice constants of a fit have in common; None where they differ, or are too few.

    A composition changes the constants of a lattice each in its own way, an axis all alike. Phases that hold little of
    the intensity do not count: their lattices are hardly measured.
    """
    area = fit.patterns.sum(axis=1)
    constants, changes = 0, []
    for cell, phase, specimen, own in zip(fit.cells, fit.phases, fit.specimens, area, strict=True):
        if own >= _MEASURED * area.sum():
            constants += len(specimen.strain)
            changes += [float(value / given - 1) for value, given in zip(cell[:3], phase.cell[:3], strict=True)]
    if constants < _CONSTANTS or max(changes) - min(changes) > _ALIKE:
        return None
    return float(np.mean(changes))


def wavelength_notice(scan: Scan, used: float) -> list[str]:
    """A note where a scan is looked at by another wavelength in Å than its file states, beyond what rounding makes."""
    if scan.wavelength is None or abs(strongest_line(scan.wavelength) / used - 1) < ROUNDED:
        return []
    stated, given = (f"{value:.5g} Å{_tube(value)}" for value in (scan.wavelength, used))
    return [f"the file states a wavelength of {stated}; {given} was given and is used: check which one is right"]


def _tube(wavelength: float) -> str:
    """The tube whose Kα has this wavelength, in parentheses, or nothing."""
    near = [anode for anode, (first, _, _) in TUBES.items() if abs(strongest_line(wavelength) / first - 1) < ROUNDED]
    return f" ({near[0]}Ka)" if near else ""


def offset_notice(fit: Fit) -> str | None:
    """A notice where a fit had to shift the axis by more than LARGEST_OFFSET, else None."""
    if not fit.specimens:
        return None
    shift = mean_shift(fit.instrument, fit.specimens[0], fit.two_theta)
    if abs(shift) <= LARGEST_OFFSET:
        return None
    return f"offset? the fit took 2θ to be {too_far(shift)}: check the zero of the axis and the specimen's height"


def mean_shift(instrument: Instrument, specimen: Specimen, two_theta: Array) -> float:
    """Mean shift of the axis by zero error and displacement together, in degrees."""
    moved = displacement_shift(two_theta=two_theta, displacement=specimen.displacement, radius=instrument.radius)
    return instrument.zero + float(moved.mean())


def too_far(shift: float) -> str:
    """How far an axis is off, in words."""
    return f"{abs(shift):.1f}° too {'high' if shift > 0 else 'low'}"
