"""xrdml files: small files of each variant made here, damaged ones, and real ones if available."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import ScanError
from bragglens.scan.formats import xrdml
from bragglens.scan.read import read_scan, read_scans
from bragglens.scan.scan import Scan

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "formats" / "panalytical_xrdml"

COUNTS = [7 + round(2000 / (1 + (i - 30) ** 2 / 20)) for i in range(81)]
NUMBERS = " ".join(map(str, COUNTS))
RANGE = "<startPosition>10.0</startPosition><endPosition>18.0</endPosition>"
SLIT = '<divergenceSlit name="Divergence slit 1/4°"><height unit="mm">0.38</height></divergenceSlit>'


def points(counts: str = f'<counts unit="counts">{NUMBERS}</counts>', axis: str = RANGE, omega: str = "") -> str:
    return (
        f'<dataPoints><positions axis="2Theta" unit="deg">{axis}</positions>'
        f'<positions axis="Omega" unit="deg">{omega}</positions>'
        f'<commonCountingTime unit="seconds">12.5</commonCountingTime>{counts}</dataPoints>'
    )


def document(*scans: str, kind: str = "Scan", slit: str = SLIT, head: str = "", axis: str = "Gonio") -> bytes:
    inside = "".join(f'<scan mode="Continuous" scanAxis="{axis}" status="Completed">{scan}</scan>' for scan in scans)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/2.1"><sample><id>T 12</id></sample>'
        f'<xrdMeasurement measurementType="{kind}"><usedWavelength intended="K-Alpha 1">'
        '<kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2 unit="Angstrom">1.5444260</kAlpha2>'
        "<ratioKAlpha2KAlpha1>0.5000</ratioKAlpha2KAlpha1></usedWavelength>"
        '<incidentBeamPath><radius unit="mm">240.00</radius><xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube>'
        f'<sollerSlit><opening unit="rad">0.0400</opening></sollerSlit>{slit}</incidentBeamPath>'
        "<diffractedBeamPath><filter><material>Ni</material></filter></diffractedBeamPath>"
        f"{inside}</xrdMeasurement></xrdMeasurements>"
    ).encode()


def read(data: bytes) -> Scan:
    assert xrdml.recognises(data)
    (scan,) = xrdml.read(data, "a.xrdml")
    return scan


def test_the_scan_and_its_metadata() -> None:
    scan = read(document(points()))
    np.testing.assert_allclose(scan.two_theta, np.linspace(10, 18, 81))
    assert scan.counts.tolist() == COUNTS
    assert scan.wavelength == 1.540598
    assert scan.notes == ()
    expected = {
        "radius_mm": "240.00", "divergence_slit_deg": "0.25", "soller_rad": "0.0400", "anode": "Cu", "filter": "Ni",
        "wavelength_2": "1.5444260", "scan_axis": "Gonio", "counting_time_s": "12.5", "sample": "T 12",
    }  # fmt: skip
    assert expected.items() <= scan.metadata.items()


@pytest.mark.parametrize(
    ("slit", "key", "value"),
    [
        (
            '<divergenceSlit name="Programmable"><angle unit="deg">0.5</angle></divergenceSlit>',
            "divergence_slit_deg",
            "0.5",
        ),
        ('<divergenceSlit name="Slit 1°"/>', "divergence_slit_deg", "1"),
        (
            '<divergenceSlit><irradiatedLength unit="mm">15.0</irradiatedLength></divergenceSlit>',
            "automatic_slit_mm",
            "15",
        ),
        ('<divergenceSlit name="Slit 1/0°"><height unit="mm">x</height></divergenceSlit>', "divergence_slit_deg", None),
        ("", "divergence_slit_deg", None),
    ],
)
def test_divergence_slits(slit: str, key: str, value: str | None) -> None:
    assert read(document(points(), slit=slit)).metadata.get(key) == value


def test_schema_1_calls_counts_intensities() -> None:
    assert read(document(points(f'<intensities unit="counts">{NUMBERS}</intensities>'))).counts.tolist() == COUNTS


def test_raw_counts_are_multiplied_by_the_attenuation_and_intensities_are_not() -> None:
    factors = f"<beamAttenuationFactors>{' '.join(['1'] * 40 + ['10'] * 41)}</beamAttenuationFactors>"
    scan = read(document(points(f'{factors}<counts unit="counts">{NUMBERS}</counts>')))
    assert scan.counts[40] == 10 * COUNTS[40]
    assert "attenuator" in scan.notes[0]
    scan = read(document(points(f'{factors}<intensities unit="counts">{NUMBERS}</intensities>')))
    assert scan.counts.tolist() == COUNTS


def test_different_counting_times_are_normalised() -> None:
    times = f"<countingTimes>{' '.join(['1'] * 40 + ['3'] * 41)}</countingTimes>"
    scan = read(document(points(f"{times}<counts>{NUMBERS}</counts>")))
    assert scan.counts[0] / scan.counts[-1] == pytest.approx(3 * COUNTS[0] / COUNTS[-1])
    assert "counting times differ" in scan.notes[0]


def test_listed_angles_and_downward_scans() -> None:
    angles = np.round(np.linspace(10, 18, 81) ** 1.01, 4)
    listed = f"<listPositions>{' '.join(map(str, angles))}</listPositions>"
    np.testing.assert_allclose(read(document(points(axis=listed))).two_theta, angles)
    downward = "<startPosition>18.0</startPosition><endPosition>10.0</endPosition>"
    scan = read(document(points(axis=downward)))
    assert scan.two_theta[0] == 10
    assert scan.counts.tolist() == COUNTS[::-1]


def test_repeated_scans_are_summed(tmp_path: Path) -> None:
    (tmp_path / "a.xrdml").write_bytes(document(points(), points(), points(), kind="Repeated scan"))
    scan = read_scan(tmp_path / "a.xrdml")
    assert scan.counts.tolist() == [3 * count for count in COUNTS]
    assert scan.notes == ("3 scans of the same range: summed",)
    assert scan.name == "a.xrdml"


OTHER = RANGE.replace("18.0", "19.0")
LIST = "<listPositions>1 2 3</listPositions>"


TILTS = [f"<commonPosition>{omega}</commonPosition>" for omega in (1, 2)]


@pytest.mark.parametrize("scans", [(points(), points(axis=OTHER)), tuple(points(omega=omega) for omega in TILTS)])
def test_scans_that_differ_are_not_summed(scans: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.xrdml").write_bytes(document(*scans))
    with pytest.raises(ScanError, match=r"holds 2 different scans \(10-18°, 10-1[89]°\)"):
        read_scan(tmp_path / "a.xrdml")
    assert [scan.name for scan in read_scans(tmp_path / "a.xrdml")] == ["a.xrdml [1]", "a.xrdml [2]"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (document(points(), points(), kind="Area measurement"), r"is a map of 2 scans \(area measurement\)"),
        (document(points(axis="<commonPosition>30</commonPosition>"), axis="Omega"), "is a scan of Omega, not of 2θ"),
        (document(), "holds no scan"),
        (document(""), "holds no points"),
        (document(points("")), "holds no counts"),
        (document(points("<counts>1 2 three</counts>")), "counts are not all numbers"),
        (document(points("<counts>1 2 3</counts>")), "too few"),
        (document(points("<counts></counts>")), "too few"),
        (document(points(axis=LIST)), "3 angles for 81 counts"),
        (document(points(axis="<startPosition>10</startPosition>")), "does not say where its scan begins and ends"),
        (document(points()).replace(b"1.5405980", b"15.405980"), "which is not that of an X-ray tube"),
        (document(points())[:-30], "is damaged or cut short"),
        (document(points()).replace(b"UTF-8", b"UTF-77"), "is damaged or cut short"),
    ],
)
def test_other_measurements_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(ScanError, match=says) as refused:
        read(data)
    assert str(refused.value).startswith("a.xrdml: ")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_reading(encoding: str) -> None:
    text = document(points(), head=BOMB).decode().replace("T 12", "&c;").replace("UTF-8", encoding)
    with pytest.raises(ScanError, match="declares a document type or entities"):
        read(text.encode(encoding))


def test_utf_16_is_read() -> None:
    text = document(points()).decode().replace("UTF-8", "utf-16")
    assert read(text.encode("utf-16")).counts.tolist() == COUNTS


def test_damaged_files_give_a_scan_or_a_scan_error() -> None:
    data, dice = document(points(), points()), random.Random(0)
    for trial in range(400):
        spoiled = bytearray(data[: dice.randrange(len(data))] if trial % 2 else data)
        for _ in range(dice.randrange(6)):
            spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
        outcome = outcome_of(bytes(spoiled))
        assert isinstance(outcome, Scan) or outcome.startswith("a.xrdml: ")


def outcome_of(data: bytes) -> Scan | str:
    """The first scan, or the message of its refusal. Any other error fails the test."""
    try:
        return xrdml.read(data, "a.xrdml")[0]
    except ScanError as error:
        return str(error)


def test_the_content_decides_the_format(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(document(points()))
    assert read_scan(tmp_path / "a.xml").wavelength == 1.540598


@pytest.mark.skipif(not REAL.exists(), reason="the measured scans are not here")
def test_real_files() -> None:
    outcomes = {path.name: outcome_of(path.read_bytes()) for path in sorted(REAL.iterdir())}
    scans = [outcome for outcome in outcomes.values() if isinstance(outcome, Scan)]
    refusals = [outcome for outcome in outcomes.values() if isinstance(outcome, str)]
    assert len(refusals) == 3
    assert all("(area measurement), not a powder scan" in refusal for refusal in refusals)
    assert {scan.wavelength for scan in scans} == {1.540598}
    assert {float(scan.metadata["radius_mm"]) for scan in scans} == {145, 240, 320}
