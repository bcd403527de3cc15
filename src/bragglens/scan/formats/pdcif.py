"""Powder CIF (.cif, .pd.cif, .rtv): a scan as listed angles, or as a range and a step with listed counts.

Names of the items: IUCr powder dictionary cif_pow (Toby, Von Dreele & Larson, J. Appl. Cryst. 36, 2003, 1290;
https://www.iucr.org/resources/cif/dictionaries/cif_pow); since version 2.5 they have a dot after the category, as in
EasyDiffraction's files (`_pd_meas.2theta_scan`). gemmi parses. From a file that violates the
rules of CIF (GSAS wrote dates without quotes), the items of the scan are recovered, block by block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, scans
from bragglens.scan.scan import Scan
from bragglens.scan.stated import Stated, missing, stated_axis

Array = NDArray[np.float64]
# As measured before as corrected, whole before net.
_INTENSITIES = (
    "_pd_meas_counts_total",
    "_pd_meas_intensity_total",
    "_pd_proc_intensity_total",
    "_pd_meas_counts_net",
    "_pd_meas_intensity_net",
    "_pd_proc_intensity_net",
    "_pd_meas_intensity",
)
_ANGLES = (
    "_pd_proc_2theta_corrected",
    "_pd_meas_2theta_scan",
    "_pd_meas_2theta_corrected",
    "_pd_proc_2theta_scan",
    "_pd_meas_2theta",
)
_RANGES = ("_pd_proc_2theta_range_", "_pd_meas_2theta_range_")  # corrected for the zero before not corrected

_DOTTED = re.compile(r"(?<!\S)_[A-Za-z][^\s.]*\.\S+")
# Names of version 2.5 and of EasyDiffraction, their dot replaced, that differ from the older ones by more.
_RENAMED = {
    "_diffrn_radiation_wavelength_value": "_diffrn_radiation_wavelength",
    "_diffrn_radiation_wavelength_wavelength": "_diffrn_radiation_wavelength",
    "_instr_wavelength": "_diffrn_radiation_wavelength",
    "_instrument_wavelength": "_diffrn_radiation_wavelength",
    "_instrument_setup_wavelength": "_diffrn_radiation_wavelength",
    "_expt_type_radiation_probe": "_diffrn_radiation_probe",
}
_WORTH_SAVING = re.compile(
    r"_(?:pd_(?:meas|proc)_2theta_range_|diffrn_radiation_(?:wavelength|probe|type)|pd_proc_wavelength|pd_meas_step_)"
)


def recognises(data: bytes) -> bool:
    """Whether it is a CIF; `read` refuses one with a structure only."""
    return (
        re.match(rb"(?:\xef\xbb\xbf)?\s*(?:#[^\n]*\n\s*)*data_\S*[ \t]*(?:#[^\n]*)?\r?\n", data, re.IGNORECASE)
        is not None
    )


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each data block that holds a measured one.

    Raises:
        ScanError: damaged, a structure without a scan, a calculated pattern alone, or time of flight.
    """
    with about(name):
        text = _undotted(data.decode("utf-8", "replace").replace("\0", " "))
        blocks, broken = _blocks(text)
        wavelengths = {_wavelength(block)[0] for block in blocks} - {None}
        ranges = [found for block in blocks if (found := _range(block, wavelengths)) is not None]
        if not ranges:
            raise ScanError(_why_none(text, broken))
        return scans(name, ranges)


def _undotted(text: str) -> str:
    """Text with the names of version 2.5 as older versions spell them."""

    def older(name: re.Match[str]) -> str:
        spelled = name[0].replace(".", "_").replace("_overall_", "_")
        return _RENAMED.get(spelled.lower(), spelled)

    return _DOTTED.sub(older, text)


def _blocks(text: str) -> tuple[list[Any], str]:
    """Data blocks, and the first error that prevented others from being read ("" if none)."""
    from gemmi import cif

    try:
        return list(cif.read_string(text)), ""
    except (ValueError, RuntimeError, UnicodeError) as error:
        broken = re.sub(r"^string:", "line ", str(error))[:80]
    blocks: list[Any] = []
    for part in re.split(r"^(?=data_)", text, flags=re.MULTILINE | re.IGNORECASE)[1:]:
        try:
            blocks += cif.read_string(_salvaged(part.splitlines()))
        except (ValueError, RuntimeError, UnicodeError):
            continue
    return blocks, broken


def _salvaged(lines: Sequence[str]) -> str:
    """Of a data block: its name, single items that tell of the axis, and the loops of intensities, each whole."""
    kept, loop = [lines[0]], list[str]()
    for line in [*lines[1:], "loop_"]:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        in_rows = bool(loop) and not loop[-1].strip().startswith(("_", "loop_"))
        single = words[0].startswith("_") and (in_rows or not loop or len(words) > 1)
        if single or words[0].startswith("loop_"):
            kept += loop if any(item.strip() in _INTENSITIES for item in loop) else []
            loop = [] if single else [line]
            kept += [line] if len(words) == 2 and _WORTH_SAVING.match(words[0]) else []
        elif loop:
            loop.append(line)
    return "\n".join(kept)


def _why_none(text: str, broken: str) -> str:
    if "_pd_meas_time_of_flight" in text:
        return "holds time-of-flight neutron data, which have no 2θ axis: give a scan of constant wavelength"
    if not re.search(r"^[ \t]*_pd_(?:meas|proc)_(?:counts|intensity)", text, re.MULTILINE) and "_pd_" in text:
        return "holds no measured scan: its tables of angles and counts are missing or commented out, add them"
    if broken:
        return f"breaks the rules of CIF ({broken}), and holds no scan before or after: correct or export it again"
    if "_pd_" in text:
        return "holds no intensities with their angles, nor with a range and a step: export the measured scan as .xy"
    return "is a CIF of a structure, not of a scan: give it as a phase, and a scan here"


def _range(block: Any, wavelengths: set[float | None]) -> Range | None:
    """The scan of a block, None where it holds none that was measured."""
    if re.search(r"(?:^|_)calc$", block.name, re.IGNORECASE):
        return None  # NIST keeps the calculated pattern in a block of its own, under the items of measured ones
    found = _columns(block)
    if found is None:
        return None
    item, two_theta, counts, notes = found
    points = _number(block, "_pd_meas_number_of_points") or _number(block, "_pd_proc_number_of_points")
    if points and not notes:
        notes += missing(Stated(points=int(points)), two_theta)
    held = np.isfinite(two_theta) & np.isfinite(counts)
    if not held.all():
        notes.append(f"{(~held).sum()} points without intensity: left out")
    if item.endswith("_net"):
        notes.append("the background was subtracted already")
    first, second, weight = _wavelength(block)
    if first is None and len(wavelengths) == 1:
        first = next(iter(wavelengths))
    if (_value(block, "_diffrn_radiation_probe") or "").lower().startswith("neutron"):
        notes.append("a neutron scan: its intensities differ from those of X-rays")
    metadata = {
        "anode": _anode(block),
        "wavelength_2": second,
        "wavelength_2_weight": weight,
        "monochromator": _value(block, "_diffrn_radiation_monochromator"),
        "counting_time_s": _value(block, "_pd_meas_step_count_time"),
        "started": _value(block, "_pd_meas_datetime_initiated"),
        "sample": block.name,
    }
    return Range(two_theta[held], counts[held], metadata, first, notes)


def _columns(block: Any) -> tuple[str, Array, Array, list[str]] | None:
    """The item of the intensities, 2θ, intensities and notes."""
    for item in _INTENSITIES:
        for angles in _ANGLES:
            table = block.find([angles, item])
            if len(table) > 1:
                return item, _floats(row[0] for row in table), _floats(row[1] for row in table), []
    for item in _INTENSITIES:
        listed = block.find_loop(item)
        if len(listed) > 1:
            counts, notes = _floats(listed), list[str]()
            two_theta = _even(block, counts.size, notes)
            if two_theta is not None:
                return item, two_theta, counts[: two_theta.size], notes
    return None


def _even(block: Any, held: int, notes: list[str]) -> Array | None:
    """2θ from range and step, of the first complete range."""
    for stem in _RANGES:
        first, last, step = (_number(block, stem + end) for end in ("min", "max", "inc"))
        if first is not None and last is not None and step:
            return stated_axis(held, start=first, stop=last, step=step, notes=notes)
    return None


def _floats(values: Any) -> Array:
    """Numbers without their standard uncertainties; NaN for `?`, `.` and anything else."""
    from gemmi import cif

    return np.array([cif.as_number(value) for value in values], dtype=np.float64)


def _value(block: Any, item: str) -> str | None:
    from gemmi import cif

    found = block.find_value(item)
    text = cif.as_string(found).strip() if found else ""
    return re.sub(r"\s+", " ", text) if text not in ("", "?", ".") else None


def _number(block: Any, item: str) -> float | None:
    found = block.find_value(item)
    value = _floats([found])[0] if found else np.nan
    return float(value) if np.isfinite(value) else None


def _wavelength(block: Any) -> tuple[float | None, float | None, float | None]:
    """The strongest wavelength in Å, the second, and the second's weight relative to the first."""
    listed = _floats(block.find_values("_diffrn_radiation_wavelength"))
    listed = listed[np.isfinite(listed)]
    if not listed.size:
        return _number(block, "_pd_proc_wavelength"), None, None
    weights = _floats(block.find_values("_diffrn_radiation_wavelength_wt"))
    if weights.size != listed.size or not np.isfinite(weights).all() or weights.max() <= 0:
        return float(listed[0]), float(listed[1]) if listed.size > 1 else None, None
    order = np.argsort(-weights, kind="stable")
    if listed.size == 1:
        return float(listed[0]), None, None
    return float(listed[order[0]]), float(listed[order[1]]), float(weights[order[1]] / weights[order[0]])


def _anode(block: Any) -> str:
    """The anode's element, of `Cu K\\a` or of the target."""
    said = _value(block, "_diffrn_source_target") or _value(block, "_diffrn_radiation_type") or ""
    found = re.match(r"(Cr|Fe|Co|Ni|Cu|Mo|Ag|W)\b", said)
    return found[1] if found else ""
