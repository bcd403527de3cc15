"""A fit as powder CIF: a block with the pattern, and a block for each phase with its fitted cell.

Item names are those of the IUCr powder dictionary cif_pow (Toby, Von Dreele & Larson 2003, J. Appl. Cryst. 36, 1290;
https://www.iucr.org/resources/cif/dictionaries/cif_pow). The dictionary has no item for the pattern of one phase; these
are only in the columns of .xye.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from gemmi import cif

from bragglens import __version__
from bragglens.crystal.cif_text import structure_block
from bragglens.fit.whole_pattern import Fit, fitted_phases
from bragglens.identification.answer import Finding, Identification
from bragglens.report.words import assumptions, clean

_PROFILE = "Thompson-Cox-Hastings pseudo-Voigt with axial divergence (Finger, Cox & Jephcoat 1994)"
_BACKGROUND = "Chebyshev polynomial and a term in 1/2theta, solved exactly at each step"


def pdcif_text(answer: Identification, fit: Fit) -> str:
    """Text of a powder CIF: pattern, agreement, wavelengths and phase fractions, then a structure for each phase.

    A phase without a crystal structure is named in the details; only the calculated pattern contains it.
    """
    now, named = datetime.now(UTC), fit.of_structures.names
    stem = re.sub(r"[^A-Za-z0-9.+-]", "_", clean(Path(answer.file).name)) or "scan"
    ids = [f"{now:%Y-%m-%dT%H:%M}|{stem}|{part}" for part in ("pattern", *(f"phase_{n}" for n in named))]
    ids = [re.sub(r"\s", "_", clean(one)) for one in ids]
    document = cif.Document()
    document.add_copied_block(_pattern_block(answer, fit, f"{stem}_pattern", ids, now))
    for number, (phase, own) in enumerate(zip(fitted_phases(fit), ids[1:], strict=True), 1):
        block = structure_block(phase, f"{stem}_phase_{number}")
        for item, value in (("_pd_block_id", own), ("_pd_block_diffractogram_id", ids[0])):
            block.set_pair(item, cif.quote(clean(value)))
        document.add_copied_block(block)
    return document.as_string()


def _pattern_block(answer: Identification, fit: Fit, name: str, ids: Sequence[str], now: datetime) -> cif.Block:
    block = cif.Block(name)
    step = float(fit.two_theta[1] - fit.two_theta[0])
    texts = {
        "_pd_block_id": ids[0],
        "_audit_creation_date": f"{now:%Y-%m-%d}",
        "_audit_creation_method": f"bragglens {__version__}",
        "_pd_calc_method": "Whole-pattern fit of known structures",
        "_pd_proc_info_data_reduction": "as measured; of a very fine scan neighbouring points are averaged",
        "_diffrn_radiation_probe": "x-ray",
        "_pd_proc_ls_profile_function": _PROFILE,
        "_pd_proc_ls_background_function": _BACKGROUND,
        "_pd_proc_ls_pref_orient_corr": _texture(fit),
        "_pd_proc_ls_special_details": _details(answer, fit),
    }
    figures = {
        "_pd_proc_ls_prof_R_factor": np.abs(fit.observed - fit.calculated).sum() / np.abs(fit.observed).sum(),
        "_pd_proc_ls_prof_wR_factor": fit.rwp,
        "_pd_proc_ls_prof_wR_expected": fit.r_expected,
        "_pd_proc_number_of_points": len(fit.two_theta),
        "_pd_proc_2theta_range_min": fit.two_theta[0],
        "_pd_proc_2theta_range_max": fit.two_theta[-1],
        "_pd_proc_2theta_range_inc": step,
    }
    for item, text in texts.items():
        block.set_pair(item, cif.quote(text))
    for item, value in figures.items():
        block.set_pair(item, f"{value:.8g}")
    loop = block.init_loop("_diffrn_radiation_wavelength", ["_id", "", "_wt"])
    for number, line in enumerate(fit.instrument.lines, 1):
        loop.add_row([str(number), f"{line.wavelength:.7f}", f"{line.weight:.4g}"])
    _write_phases(block, answer, fit, ids)
    _write_points(block, fit)
    return block


def _write_phases(block: cif.Block, answer: Identification, fit: Fit, ids: Sequence[str]) -> None:
    names = fit.of_structures.names
    if not names:
        return
    loop = block.init_loop("_pd_phase_", ["id", "block_id", "name", "mass_%"])
    found = {finding.name: finding for finding in (*answer.phases, *answer.relatives)}
    for number, (name, own) in enumerate(zip(names, ids[1:], strict=True), 1):
        called = f"{clean(name)}, or an isostructural neighbour" if found[name] in answer.relatives else clean(name)
        loop.add_row([str(number), cif.quote(own), cif.quote(called), _with_error(found[name])])


def _write_points(block: cif.Block, fit: Fit) -> None:
    items = ["meas_2theta_scan", "proc_intensity_total", "calc_intensity_total", "proc_intensity_bkg_calc"]
    loop = block.init_loop("_pd_", [*items, "proc_ls_weight"])
    columns = (fit.two_theta, fit.observed, fit.calculated, fit.background, fit.noise**-2)
    for row in np.column_stack(columns):
        loop.add_row([f"{value:.8g}" for value in row])


def _with_error(finding: Finding) -> str:
    """wt% with its standard uncertainty in the last digit, `61.2(8)`; half of the 95% interval is 1.96 of them."""
    if finding.weight_percent is None:
        return "?"
    tenths = round(10 * (finding.weight_percent_error or 0.0) / 1.96)
    return f"{finding.weight_percent:.1f}({tenths})" if tenths else f"{finding.weight_percent:.1f}"


def _texture(fit: Fit) -> str:
    said = []
    for name, one in zip(fit.names, fit.specimens, strict=True):
        if abs(one.march - 1) > 1e-3:
            said.append(f"{clean(name)}: r = {one.march:.3f} along {' '.join(str(i) for i in one.texture_axis)}")
        if one.harmonics:
            terms = " ".join(f"{value:.3f}" for value in one.harmonics)
            said.append(f"{clean(name)}: times the exponential of symmetrised harmonics, coefficients {terms}")
    return "\n".join(["March-Dollase", *said]) if said else "none"


def _details(answer: Identification, fit: Fit) -> str:
    """Further results of the fit, and the assumptions."""
    zero, widths = fit.instrument.zero, f"U {fit.instrument.U:.5g}, V {fit.instrument.V:.5g}, W {fit.instrument.W:.5g}"
    lines = [f"2theta as measured; fitted zero {zero:+.4f} deg, {widths} deg^2, (S+H)/L {fit.instrument.axial:.4f}"]
    if fit.specimens:
        lines.append(f"displacement {fit.specimens[0].displacement:+.4f} mm at R = {fit.instrument.radius:g} mm")
    structures = fit.of_structures
    for name, one in zip(structures.names, structures.specimens, strict=True):
        second = f" and {one.fine_size:.1f} nm ({one.fine_share:.0%} of the scattering)" if one.fine_share else ""
        lines.append(f"{clean(name)}: crystallites {one.size:.1f} nm{second}, microstrain {one.microstrain:.2e}")
    if without := [clean(one.name) for one in fit.candidates if one.phase is None]:
        lines.append(f"without a block, as no structure is known: {', '.join(without)}; calc_intensity_total has it")
    lines.append("weights below: 1/(counting variance); the fit allows for errors of calculated intensities too")
    lines += [f"verdict: {answer.verdict}", *(f"assumed: {said}" for said in assumptions(answer))]
    return "\n".join(lines).replace("µ", "u").replace("Å", "Angstrom").encode("ascii", "replace").decode()
