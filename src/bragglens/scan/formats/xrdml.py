"""XRDML, the XML of PANalytical's (Philips, Malvern) diffractometers, schema versions 1.0 to 2.3.

It is the one format that says nearly all about the instrument: `metadata` has, where the file states them, radius_mm,
divergence_slit_deg, automatic_slit_mm (length lit on the specimen), soller_rad, anode, filter, monochromator,
wavelength_2, wavelength_2_weight, scan_axis, counting_time_s, started, sample and diffractometer.
(The schema: XRDMeasurement.xsd at http://www.xrdml.com, and the files of all its versions that were at hand.)
"""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.scan import Scan

Array = NDArray[np.float64]
_MOST_SAME = 1e-4  # degrees between the axes of two scans that are called the same range
_INCLINATIONS = ("Omega", "Chi", "Psi")  # scans of one powder measurement share these; a spinner moves Phi


def recognises(data: bytes) -> bool:
    """Whether the root element stands near the beginning, in any encoding of XML."""
    return b"<xrdMeasurement" in data[:8192].replace(b"\0", b"")


def read(data: bytes, name: str) -> Scan:
    """The scan in these bytes; repeated scans of one range are summed, anything else of several scans is refused.

    Raises:
        ScanError: damaged, an area measurement, a scan of another axis than 2θ, or not a powder scan.
    """
    try:
        root = _root(data)
        measured = [(m, scan) for m in root.iterfind(".//{*}xrdMeasurement") for scan in m.iterfind(".//{*}scan")]
        if not measured:
            raise ScanError("holds no scan: measure or export it again")
        measurement, first = measured[0]
        notes = _notes(first)
        two_theta, counts = _summed(measurement, [scan for _, scan in measured], notes)
        wavelength = _wavelength(measurement)
    except ScanError as error:
        raise ScanError(f"{name}: {error}") from None
    return Scan(name, two_theta, counts, wavelength, tuple(notes), _metadata(root, measurement, first))


def _root(data: bytes) -> Element:
    # Entities could grow to gigabytes; no diffractometer writes any, so a file that declares some is refused unread.
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data.replace(b"\0", b""), re.IGNORECASE):
        raise ScanError("declares a document type or entities, which no XRDML needs: export the scan again")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise ScanError(f"is damaged or cut short ({error}): copy or export it again") from None


def _text(element: Element | None, path: str) -> str:
    """Text at a path of tag names, "" where it is not there."""
    if element is None:
        return ""
    return (element.findtext("/".join(f"{{*}}{tag}" for tag in path.split("/"))) or "").strip()


def _number(element: Element | None, path: str) -> float | None:
    """A finite number at a path, or None."""
    try:
        value = float(_text(element, path))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _numbers(text: str | None, what: str) -> Array:
    try:
        return np.array((text or "").split(), dtype=float)
    except ValueError:
        raise ScanError(f"its {what} are not all numbers: copy or export it again") from None


def _summed(measurement: Element, scans: list[Element], notes: list[str]) -> tuple[Array, Array]:
    """2θ and counts of a single scan, or the sum of scans that repeat one range."""
    kind = measurement.get("measurementType", "")
    several = (
        f"holds {len(scans)} scans ({kind.lower() or 'several ranges'}), which are no single powder scan: "
        "export the one you mean as a file of its own"
    )
    if len(scans) > 1 and "area" in kind.lower():
        raise ScanError(several)
    two_theta, counts = _points(scans[0], notes)
    for scan in scans[1:]:
        other, more = _points(scan, [])
        same = other.size == two_theta.size and np.abs(other - two_theta).max(initial=0) < _MOST_SAME
        if not same or _inclination(scan) != _inclination(scans[0]):
            raise ScanError(several)
        counts = counts + more
    if len(scans) > 1:
        notes.append(f"{len(scans)} scans of the same range: summed")
    return two_theta, counts


def _inclination(scan: Element) -> tuple[str, ...]:
    """Where the axes stand that tell one scan of a map from the next."""
    axes = {axis.get("axis"): axis for axis in scan.iterfind(".//{*}positions")}
    return tuple(_text(axes.get(name), "commonPosition") for name in _INCLINATIONS)


def _points(scan: Element, notes: list[str]) -> tuple[Array, Array]:
    """2θ in degrees and counts of one scan; attenuation and uneven counting times are undone."""
    points = scan.find("{*}dataPoints")
    if points is None:
        raise ScanError("its scan holds no points: measure or export it again")
    counts = _counts(points, notes)
    axis = next((p for p in points.iterfind(".//{*}positions") if p.get("axis") == "2Theta"), None)
    moves = axis is not None and axis.find("{*}commonPosition") is None
    if axis is None or not moves:
        raise ScanError(f"is a scan of {scan.get('scanAxis', 'another axis')}, not of 2θ: give a 2θ scan")
    listed = _numbers(axis.findtext("{*}listPositions"), "angles")
    if listed.size:
        if listed.size != counts.size:
            raise ScanError(f"has {listed.size} angles for {counts.size} counts: copy or export it again")
        return _ascending(listed, counts)
    start, end = _number(axis, "startPosition"), _number(axis, "endPosition")
    if start is None or end is None:
        raise ScanError("does not say where its scan begins and ends: export it again")
    return _ascending(np.linspace(start, end, counts.size), counts)


def _ascending(two_theta: Array, counts: Array) -> tuple[Array, Array]:
    downward = two_theta.size > 1 and two_theta[0] > two_theta[-1]
    return (two_theta[::-1], counts[::-1]) if downward else (two_theta, counts)


def _counts(points: Element, notes: list[str]) -> Array:
    """Schema 1 writes `intensities`, already corrected for the attenuator; schema 2 raw `counts` and its factors."""
    values = points.find("{*}intensities")
    raw = values is None
    if values is None:
        values = points.find("{*}counts")
    if values is None:
        raise ScanError("its scan holds no counts: measure or export it again")
    counts = _numbers(values.text, "counts")
    factors = _numbers(points.findtext("{*}beamAttenuationFactors"), "attenuation factors")
    if raw and factors.size == counts.size and (factors != 1).any():
        counts = counts * factors
        notes.append("the attenuator was in the beam: counts multiplied by its factors")
    if (values.get("unit") or "counts") != "counts":
        notes.append(f"intensity in {values.get('unit')}, not counts")
    times = _numbers(points.findtext("{*}countingTimes"), "counting times")
    if times.size == counts.size and times.size and times.min() > 0 and np.ptp(times) > 1e-6 * times.mean():
        counts = counts * (times.mean() / times)
        notes.append("counting times differ from point to point: counts brought to their mean")
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
    value = _number(used, "kBeta" if beta else "kAlpha1")
    if value is not None and not 0.1 < value < 3:
        raise ScanError(f"states a wavelength of {value:g} Å, which no X-ray tube has: correct it in the file")
    return value


def _metadata(root: Element, measurement: Element, scan: Element) -> dict[str, str]:
    """What the file states of instrument and measurement; entries that are not there are left out."""
    incident, diffracted = measurement.find("{*}incidentBeamPath"), measurement.find("{*}diffractedBeamPath")
    used = measurement.find("{*}usedWavelength")
    intended = (used.get("intended") or "") if used is not None else ""
    entries = {
        "radius_mm": _text(diffracted, "radius") or _text(incident, "radius"),
        **_slit(incident),
        "soller_rad": _text(incident, "sollerSlit/opening") or _text(diffracted, "sollerSlit/opening"),
        "anode": _text(incident, "xRayTube/anodeMaterial"),
        "filter": _text(incident, "filter/material") or _text(diffracted, "filter/material"),
        "monochromator": _crystal(incident, "incident") or _crystal(diffracted, "diffracted"),
        "wavelength_2": "" if "beta" in intended.lower() else _text(used, "kAlpha2"),
        "wavelength_2_weight": _text(used, "ratioKAlpha2KAlpha1"),
        "scan_axis": scan.get("scanAxis", ""),
        "counting_time_s": _text(scan, "dataPoints/commonCountingTime"),
        "started": _text(scan, "header/startTimeStamp"),
        "sample": _text(root, "sample/id") or _text(root, "sample/name"),
        "diffractometer": _text(scan, "header/source/instrumentControlSoftware"),
    }
    return {key: value for key, value in entries.items() if value}


def _crystal(path: Element | None, side: str) -> str:
    """Side and name of a crystal monochromator. A mirror is none: it lets the whole doublet pass."""
    found = path.find("{*}monochromator") if path is not None else None
    return f"{side}: {found.get('name') or 'crystal'}" if found is not None else ""


def _slit(incident: Element | None) -> dict[str, str]:
    """Opening of the divergence slit in degrees, or the length in mm that an automatic one keeps lit."""
    slit = incident.find("{*}divergenceSlit") if incident is not None else None
    if slit is None:
        return {}
    lit = _number(slit, "irradiatedLength") or _number(slit, "illuminatedLength")
    if lit:
        return {"automatic_slit_mm": f"{lit:g}"}
    named = re.search(r"(?<![\d.])(\d{1,2}(?:\.\d{1,4})?)(?:/(\d{1,2}))?\s*°", slit.get("name") or "")
    if named and float(named[1]) and (named[2] is None or int(named[2])):
        return {"divergence_slit_deg": f"{float(named[1]) / int(named[2] or 1):.6g}"}
    angle = _number(slit, "angle")
    return {"divergence_slit_deg": f"{angle:g}"} if angle else {}
