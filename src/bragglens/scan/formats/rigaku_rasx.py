"""RASX, the archive of Rigaku's SmartLab Studio (.rasx): `Data0/Profile0.txt` and its conditions as XML.

The layout is evident from the file; a profile has rows of angle, intensity and attenuation factor.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, number, scans
from bragglens.scan.formats.rigaku_ras import check_axis, columns, counting_time, optics
from bragglens.scan.markup import number as number_at
from bragglens.scan.markup import text
from bragglens.scan.scan import Scan
from bragglens.scan.unpack import Archive, holds

_PROFILES = r"Data[0-9]+/Profile[0-9]+\.txt"


def recognises(data: bytes) -> bool:
    """Whether it is an archive with a profile or its conditions."""
    return holds(data, rf"{_PROFILES}|Data[0-9]+/MesurementConditions[0-9]+\.xml")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each profile.

    Raises:
        ScanError: damaged, unpacks to more than a scan can hold, a map, or a scan of another axis than 2θ.
    """
    with about(name):
        archive = Archive(data)
        profiles = archive.names(_PROFILES)
        if not profiles:
            raise ScanError("holds no profile, so it is an image or empty: export the scan as text (.xy or .ras)")
        return scans(name, (_range(archive, profile, len(profiles)) for profile in profiles))


def _range(archive: Archive, profile: str, profiles: int) -> Range:
    # Rigaku's own spelling.
    conditions = archive.parse(profile.replace("Profile", "MesurementConditions").replace(".txt", ".xml"))
    step_axis = text(conditions, "RSMInformation/StepAxisName")
    if step_axis:
        raise ScanError(
            f"is a reciprocal-space map of {profiles} scans at steps of {step_axis}, not a powder scan: give one scan"
        )
    scanned, tube = conditions.find("ScanInformation"), conditions.find("HWConfigurations/XrayGenerator")
    axis = text(scanned, "AxisName")
    check_axis(axis, text(scanned, "PositionUnit") or "deg")
    notes: list[str] = []
    two_theta, counts = columns(archive.read(profile).decode("utf-8-sig", "replace"), notes)
    if axis == "TwoTheta":
        notes.append("the detector moved alone, at a fixed incidence: intensities differ from those of a θ/2θ scan")
    speed, step = number_at(scanned, "Speed"), number_at(scanned, "Step")
    metadata = {
        "radius_mm": _radius(conditions),
        "anode": text(tube, "TargetName"),
        "wavelength_2": number_at(tube, "WavelengthKalpha2"),
        "scan_axis": axis,
        "counting_time_s": counting_time(speed, text(scanned, "SpeedUnit"), step),
        "intensity_unit": text(scanned, "IntensityUnit"),
        "started": text(scanned, "StartTime"),
        "sample": text(conditions, "GeneralInformation/SampleName"),
        "diffractometer": text(conditions, "GeneralInformation/SystemName"),
        **optics({axis.get("Name") or "": _position(axis) for axis in conditions.iterfind("Axes/Axis")}),
    }
    return Range(two_theta, counts, metadata, number_at(tube, "WavelengthKalpha1"), notes)


def _position(axis: Element) -> str:
    """A position as .ras writes it, with its unit."""
    position = axis.get("Position") or ""
    return position if position.endswith(("deg", "mm")) else f"{position}{axis.get('Unit') or ''}"


def _radius(conditions: Element) -> float | None:
    """Distance from the source to the specimen in mm."""
    for distance in conditions.iterfind("HWConfigurations/Distances/Distance"):
        if (distance.get("From"), distance.get("To")) == ("XrayGenerator", "AttachmentStage"):
            return number(distance.get("Value"))
    return None
