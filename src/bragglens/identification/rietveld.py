"""rietveld: a Rietveld refinement by rietx that starts from the result of the fit.

rietx is another program that calculates patterns by itself. Its result for the same scan is an independent check of the
fractions. Importing it takes seconds, so it is imported only when used.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bragglens.crystal.cif_text import write_cif
from bragglens.crystal.harmonics import sphere
from bragglens.crystal.phase import Phase
from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.files import partial_of, safe_name, whole_file
from bragglens.fit.whole_pattern import Fit, fitted_phases
from bragglens.identification.answer import Rietveld
from bragglens.simulate.formulas import SCHERRER_K
from bragglens.simulate.orientation import POINTS, density
from bragglens.simulate.specimen import Specimen

_TEXTURE_ORDER = 8  # of the harmonics that rietx is given
PLAN = "mccusker_default"  # scale, background, zero, cell, widths, in the order of McCusker et al. 1999
_ONE_TUBE = 0.01  # relative; rietx takes lines further from the strongest, such as Kβ, for another radiation
_BACKGROUND_TERMS = 15


def program() -> Any:
    """The package rietx, which takes seconds to import.

    Raises:
        BragglensError: it is not installed.
    """
    with extra("rietveld", "a Rietveld refinement or project"):
        import rietx
    return rietx


def refine_fit(fit: Fit) -> Rietveld:
    """The Rietveld refinement of a fitted scan by rietx, started from the result of the fit.

    Phases without a crystal structure are left out (`left_out`).
    """
    rietx, fit = program(), fit.of_structures
    if not fit.phases:
        return Rietveld(error="no phase with a crystal structure was found, so there is nothing to refine")

    def run() -> Any:
        structure, instrument = _begin(fit)
        pattern = rietx.PatternData(
            two_theta=fit.two_theta.tolist(), intensity=fit.observed.tolist(), sigma=fit.noise.tolist()
        )
        return rietx.Refinement(structure, instrument).fit(pattern, plan=PLAN, telemetry=False)

    return _answered(run)


def write_project(fit: Fit, folder: Path) -> None:
    """Write a project that rietx opens: scan, structures as fitted, instrument, background, scales.

    Args:
        fit: the fit of a scan.
        folder: of the project, which must not exist yet. It also receives `scan.xye` and a CIF of each phase.

    Raises:
        BragglensError: the folder exists, no phase was found, or it cannot be written.
    """
    rietx, fit = program(), fit.of_structures

    if folder.exists():
        raise BragglensError(f"{folder}: exists already and is not overwritten: choose another folder")
    if not fit.phases:
        raise BragglensError(f"{folder}: no phase with a structure was found, so there is no project to write")
    partial = partial_of(folder)
    try:
        structure, instrument = _begin(fit, partial)
        with whole_file(partial / "scan.xye") as handle:
            np.savetxt(handle, np.column_stack([fit.two_theta, fit.observed, fit.noise]), fmt="%.8g")
        rietx.Project.create(
            partial, pattern=partial / "scan.xye", structure=structure, instrument=instrument, plan=PLAN
        )
        partial.rename(folder)
    except (OSError, ValueError) as error:
        raise BragglensError(f"{folder}: rietx cannot make a project of it ({error}): choose another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # if it was not renamed to the folder


def left_out(fit: Fit) -> list[str]:
    """A note that names the phases of a fit which a Rietveld refinement cannot contain, if there are any."""
    names = [one.name for one in fit.candidates if one.phase is None]
    if not names:
        return []
    return [f"{', '.join(names)}: not in the Rietveld refinement or its project, without a crystal structure"]


def refine_project(folder: Path) -> Rietveld:
    """The refinement of a project that `write_project` wrote; the project keeps it."""
    rietx = program()

    def run() -> Any:
        project = rietx.Project.open(folder)
        result = project.fit(telemetry=False)
        project.save()
        return result

    return _answered(run)


def _answered(run: Callable[[], Any]) -> Rietveld:
    """The result of a run of rietx. A failure is a result too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warnings on the way; the answer states its errors
            return outcome(run())
    except Exception as error:  # another program, with error classes of its own
        return Rietveld(error=f"rietx: {type(error).__name__}: {error}".splitlines()[0])


def outcome(result: Any) -> Rietveld:
    """The result of rietx; errors are half of the 95% intervals, 1.96 standard errors."""
    rietx = program()

    if result.qpa is None:
        return Rietveld(error=f"rietx: no fractions, {result.status}")
    rows = result.qpa.phases
    return Rietveld(
        program=f"rietx {rietx.__version__}, plan {PLAN}",
        rwp=float(result.statistics.rwp),
        weight_percent={row.name: 100 * float(row.weight_fraction or 0.0) for row in rows},
        weight_percent_error={row.name: 196 * float(row.weight_fraction_stderr or 0.0) for row in rows},
    )


# --- from our classes to those of rietx -------------------------------------------------------------------------


def _begin(fit: Fit, folder: Path | None = None) -> tuple[Any, Any]:
    """Structure and instrument of rietx in the state of the fit; CIFs of the phases are left in the folder."""
    rietx = program()

    instrument, phases = _instrument(fit), fitted_phases(fit)
    with tempfile.TemporaryDirectory() as temporary:
        models = [_phase(*one, fit, folder or Path(temporary)) for one in zip(phases, fit.specimens, strict=True)]
    structure = rietx.Structure(phases=models)
    grams = [share / (phase.cell_mass * phase.volume) for share, phase in zip(fit.weight_fraction, phases, strict=True)]
    for model, scale in zip(structure.phases, grams, strict=True):
        model.scale.value = float(scale) * 1e-3
    drawn = rietx.Refinement(structure, instrument).predict(fit.two_theta)
    factor = float(drawn @ (fit.calculated - fit.background) / max(float(drawn @ drawn), 1e-300))
    for model in structure.phases:
        model.scale.value *= factor
    instrument.background = _background(fit)
    return structure, instrument


def _phase(phase: Phase, specimen: Specimen, fit: Fit, folder: Path) -> Any:
    """A phase with its structure, broadening and texture.

    Size and microstrain broaden to a FWHM of a/cosθ + b tanθ in total. The Lorentzian share adds in width and the
    Gaussian one in variance, where rietx has no term for the product of the two.
    """
    rietx = program()

    path = folder / safe_name(phase.name, ".cif")
    write_cif(phase, path)
    model = rietx.Structure.from_cif(path, phase_name=phase.name, aniso=True).phases[0]
    size = np.degrees(SCHERRER_K * fit.instrument.lines[0].wavelength / (10 * specimen.size))
    strain = np.degrees(4 * specimen.microstrain)
    lorentzian = specimen.lorentzian
    model.lor_size.value, model.lor_strain.value = float(lorentzian * size), float(lorentzian * strain)
    model.gauss_size.value, model.gauss_strain.value = (float(((1 - lorentzian) * w) ** 2) for w in (size, strain))
    if specimen.harmonics:
        model.texture = _texture(phase, specimen, model)
    elif abs(specimen.march - 1) > 1e-3:
        model.preferred_orientation = rietx.PreferredOrientation(
            axis=specimen.texture_axis, r=rietx.Parameter(value=specimen.march)
        )
    return model


def _texture(phase: Phase, specimen: Specimen, model: Any) -> Any:
    """The harmonics of rietx closest to a fitted orientation distribution over all directions (Von Dreele 1997)."""
    rietx = program()

    from rietx.crystallography.spherical_harmonics import frame_matrix, texture_basis

    basis = texture_basis(model.symmetry_operations or model.space_group, _TEXTURE_ORDER, phase.cell)
    directions = sphere(POINTS)
    values = basis.evaluate(directions @ np.asarray(frame_matrix(basis.rule, phase.cell)).T)
    columns = values * np.sqrt([4 * np.pi / (2 * term.degree + 1) for term in basis.terms])
    found = np.linalg.lstsq(columns, density(phase, specimen) - 1, rcond=None)[0]
    return rietx.SphericalHarmonicTexture(
        order=_TEXTURE_ORDER,
        coefficients={
            name: rietx.Parameter(value=float(value)) for name, value in zip(basis.names, found, strict=True)
        },
    )


def _instrument(fit: Fit) -> Any:
    """The instrument of rietx with the fitted zero, widths, axial divergence and displacement, without background."""
    rietx = program()

    ours = fit.instrument
    strongest = ours.lines[0].wavelength
    near = [line for line in ours.lines if abs(line.wavelength / strongest - 1) < _ONE_TUBE]
    instrument = rietx.Instrument.bragg_brentano(goniometer_radius_mm=ours.radius)
    instrument.source = rietx.Source(
        lines=[
            rietx.EmissionLine(wavelength=line.wavelength, weight=rietx.Parameter(value=line.weight)) for line in near
        ],
        polarization=rietx.Parameter(value=1 / (1 + ours.polarisation), min=0.0, max=1.0),
    )
    instrument.zero_shift.value = ours.zero
    for name, value in zip("uvwxy", (ours.U, ours.V, ours.W, ours.X, ours.Y), strict=True):
        getattr(instrument.profile, name).value = max(value, 1e-8) if name == "w" else value
    geometry = instrument.geometry
    geometry.axial_sl.value = geometry.axial_hl.value = ours.axial / 2
    if fit.specimens:
        geometry.sample_displacement.value = fit.specimens[0].displacement
        p, q = fit.specimens[0].roughness
        geometry.surface_roughness = rietx.RoughnessSuortti(
            a=rietx.Parameter(value=1 - p, min=0.0, max=1.0), b=rietx.Parameter(value=q if p else 0.0, min=0.0, max=5.0)
        )
    return instrument


def _background(fit: Fit) -> Any:
    """The Chebyshev polynomial closest to the fitted background."""
    rietx = program()

    x = np.interp(fit.two_theta, [fit.two_theta[0], fit.two_theta[-1]], [-1, 1])
    values = np.polynomial.chebyshev.chebfit(x, fit.background, _BACKGROUND_TERMS - 1)
    return rietx.BackgroundChebyshev(coefficients=[rietx.Parameter(value=float(value)) for value in values])
