"""XRDML, the XML of PANalytical's (Philips, Malvern) diffractometers, schema versions 1.0 to 2.3.

This format states nearly everything about the instrument. `metadata` has, if stated, radius_mm,
divergence_slit_deg, automatic_slit_mm (illuminated length), soller_rad, anode, filter, monochromator,
wavelength_2, wavelength_2_weight, scan_axis, tilt, counting_time_s, started, sample and diffractometer.
(The schema: XRDMeasurement.xsd at http://www.xrdml.com, and files of all available versions.)
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, numbers, scans
from bragglens.scan.markup import children, number, parse, text
from bragglens.scan.scan import Scan

Array = NDArray[np.float64]
_INCLINATIONS = ("Omega", "Chi", "Psi")  # scans of one powder measurement share these; a spinner moves Phi


def recognises(data: bytes) -> bool:
    """Whether the root element stands near the beginning, in any encoding of XML."""
    return b"<xrdMeasurement" in data[:8192].replace(b"\0", b"")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each `scan` element.

    Raises:
        ScanError: damaged, an area measurement, a scan of another axis than 2θ, or not a powder scan.
    """
    with about(name):
        root = parse(data)
        measured = [(m, scan) for m in root.iterfind(".//{*}xrdMeasurement") for scan in children(m, "scan")]
        if not measured:
            raise ScanError("holds no scan: measure or export it again")
        kind = measured[0][0].get("measurementType", "").lower()
        if len(measured) > 1 and "area" in kind:
            raise ScanError(f"is a map of {len(measured)} scans ({kind}), not a powder scan: export one scan of it")
        return scans(name, (_range(root, measurement, scan) for measurement, scan in measured))


def _range(root: Element, measurement: Element, scan: Element) -> Range:
    notes = _notes(scan)
    two_theta, counts = _points(scan, notes)
    return Range(two_theta, counts, _metadata(root, measurement, scan), _wavelength(measurement), notes)


def _points(scan: Element, notes: list[str]) -> tuple[Array, Array]:
    """2θ in degrees and counts of one scan, corrected for attenuation and uneven counting times."""
    points = scan.find("{*}dataPoints")
    if points is None:
        raise ScanError("its scan holds no points: measure or export it again")
    counts = _counts(points, notes)
    axis = next((p for p in points.iterfind(".//{*}positions") if p.get("axis") == "2Theta"), None)
    moves = axis is not None and axis.find("{*}commonPosition") is None
    if axis is None or not moves:
        raise ScanError(f"is a scan of {scan.get('scanAxis', 'another axis')}, not of 2θ: give a 2θ scan")
    listed = numbers(axis.findtext("{*}listPositions") or "", "angles")
    if listed.size:
        if listed.size != counts.size:
            raise ScanError(f"has {listed.size} angles for {counts.size} counts: copy or export it again")
        return listed, counts
    start, end = number(axis, "startPosition"), number(axis, "endPosition")
    if start is None or end is None:
        raise ScanError("does not say where its scan begins and ends: export it again")
    return np.linspace(start, end, counts.size), counts


def _counts(points: Element, notes: list[str]) -> Array:
    """Schema 1 writes `intensities`, already corrected for the attenuator; schema 2 raw `counts` and its factors."""
    values = points.find("{*}intensities")
    raw = values is None
    if values is None:
        values = points.find("{*}counts")
    if values is None:
        raise ScanError("its scan holds no counts: measure or export it again")
    counts = numbers(values.text or "", "counts")
    factors = numbers(points.findtext("{*}beamAttenuationFactors") or "", "attenuation factors")
    if raw and factors.size == counts.size and (factors != 1).any():
        counts = counts * factors
        notes.append("the attenuator was in the beam: counts multiplied by its factors")
    if (values.get("unit") or "counts") != "counts":
        notes.append(f"intensity in {values.get('unit')}, not counts")
    times = numbers(points.findtext("{*}countingTimes") or "", "counting times")
    if times.size == counts.size and times.size and times.min() > 0 and np.ptp(times) > 1e-6 * times.mean():
        counts = counts * (times.mean() / times)
        notes.append("counting times differ from point to point: counts scaled to the mean time")
    return counts


def _notes(scan: Element) -> list[str]:
    notes = []
    status = scan.get("status", "Completed")
    if status != "Completed":
        notes.append(f"the scan's status is '{status[:40]}': it may have been stopped before its end")
    if scan.get("scanAxis") == "2Theta":
        notes.append("the detector moved alone, at a fixed incidence: intensities differ from those of a θ/2θ scan")
    return notes


def _wavelength(measurement: Element) -> float | None:
    """Kα1 in Å, or Kβ where that is what the measurement intended."""
    used = measurement.find("{*}usedWavelength")
    beta = used is not None and "beta" in (used.get("intended") or "").lower()
    value = number(used, "kBeta" if beta else "kAlpha1")
    if value is not None and not 0.1 < value < 3:
        raise ScanError(
            f"states a wavelength of {value:g} Å, which is not that of an X-ray tube: correct it in the file"
        )
    return value


def _metadata(root: Element, measurement: Element, scan: Element) -> dict[str, str]:
    """What the file states about instrument and measurement; missing entries are left out."""
    incident, diffracted = measurement.find("{*}incidentBeamPath"), measurement.find("{*}diffractedBeamPath")
    used = measurement.find("{*}usedWavelength")
    intended = (used.get("intended") or "") if used is not None else ""
    entries = {
        "radius_mm": text(diffracted, "radius") or text(incident, "radius"),
        **_slit(incident),
        "soller_rad": text(incident, "sollerSlit/opening") or text(diffracted, "sollerSlit/opening"),
        "anode": text(incident, "xRayTube/anodeMaterial"),
        "filter": text(incident, "filter/material") or text(diffracted, "filter/material"),
        "monochromator": _crystal(incident, "incident") or _crystal(diffracted, "diffracted"),
        "wavelength_2": "" if "beta" in intended.lower() else text(used, "kAlpha2"),
        "wavelength_2_weight": text(used, "ratioKAlpha2KAlpha1"),
        "scan_axis": scan.get("scanAxis", ""),
        "tilt": _tilt(scan),
        "counting_time_s": text(scan, "dataPoints/commonCountingTime"),
        "started": text(scan, "header/startTimeStamp"),
        "sample": text(root, "sample/id") or text(root, "sample/name"),
        "diffractometer": text(scan, "header/source/instrumentControlSoftware"),
    }
    return {key: value for key, value in entries.items() if value}


def _tilt(scan: Element) -> str:
    """Positions of the fixed axes that distinguish the scans of a map."""
    axes = {axis.get("axis"): axis for axis in scan.iterfind(".//{*}positions")}
    stands = {name: text(axes.get(name), "commonPosition") for name in _INCLINATIONS}
    return ", ".join(f"{name} {angle}" for name, angle in stands.items() if angle)


def _crystal(path: Element | None, side: str) -> str:
    """Side and name of a crystal monochromator. A mirror does not count: it passes the whole doublet."""
    found = path.find("{*}monochromator") if path is not None else None
    return f"{side}: {found.get('name') or 'crystal'}" if found is not None else ""


def _slit(incident: Element | None) -> dict[str, str]:
    """Opening of the divergence slit in degrees, or the illuminated length in mm of an automatic one."""
    slit = incident.find("{*}divergenceSlit") if incident is not None else None
    if slit is None:
        return {}
    lit = number(slit, "irradiatedLength") or number(slit, "illuminatedLength")
    if lit:
        return {"automatic_slit_mm": f"{lit:g}"}
    named = re.search(r"(?<![\d.])(\d{1,2}(?:\.\d{1,4})?)(?:/(\d{1,2}))?\s*°", slit.get("name") or "")
    if named and float(named[1]) and (named[2] is None or int(named[2])):
        return {"divergence_slit_deg": f"{float(named[1]) / int(named[2] or 1):.6g}"}
    angle = number(slit, "angle")
    return {"divergence_slit_deg": f"{angle:g}"} if angle else {}
