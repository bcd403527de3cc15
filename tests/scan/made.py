"""One scan in every format: 10 to 30° in steps of 0.1°, counts from 7 to above 1000, 5 s a point, copper."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

ANGLES = [round(10 + 0.1 * i, 1) for i in range(201)]
COUNTS = [7 + round(2000 / (1 + (angle - 25.3) ** 2 / 0.05)) for angle in ANGLES]
ALPHA_1, ALPHA_2 = 1.5406, 1.54439
FLOATS = struct.pack("<201f", *COUNTS)
LISTED = " ".join(map(str, COUNTS))


def packed(size: int, places: Mapping[int, tuple[str, object]], magic: bytes) -> bytes:
    """A binary header with values at given offsets."""
    header = bytearray(size)
    header[: len(magic)] = magic
    for place, (form, value) in places.items():
        struct.pack_into(f"<{form}", header, place, value)
    return bytes(header)


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """An archive whose bytes do not depend on the time."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in members.items():
            writer.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def raw_1() -> bytes:
    places = {4: ("I", 201), 8: ("f", 5), 12: ("f", 0.1), 24: ("f", 10), 40: ("4s", b"T 12"), 72: ("f", ALPHA_1)}
    return packed(156, {**places, 76: ("f", ALPHA_2)}, b"RAW ") + FLOATS


def raw_2(ranges: int = 1) -> bytes:
    head = {4: ("H", ranges), 8: ("4s", b"T 12"), 188: ("2s", b"Cu"), 190: ("f", ALPHA_1), 194: ("f", ALPHA_2)}
    one = {0: ("H", 60), 2: ("H", 201), 8: ("f", 5), 12: ("f", 0.1), 16: ("f", 10)}
    return packed(256, head, b"RAW2") + ranges * (packed(60, one, b"") + FLOATS)


def raw_3(ranges: int = 1, start: float = 10.0) -> bytes:
    head = {12: ("I", ranges), 326: ("4s", b"T 12"), 564: ("f", 217.5), 568: ("f", 0.3), 608: ("2s", b"Cu")}
    head |= {624: ("d", ALPHA_1), 632: ("d", ALPHA_2), 648: ("d", 0.5)}
    one = {0: ("I", 304), 4: ("I", 201), 8: ("d", start / 2), 16: ("d", start), 176: ("d", 0.1), 192: ("f", 5)}
    return packed(712, head, b"RAW1.01") + ranges * (packed(304 + 40, {**one, 256: ("I", 40)}, b"") + FLOATS)


def raw_4(moved: bytes = b"Locked Coupled") -> bytes:
    sample = packed(40, {0: ("I", 10), 4: ("I", 40), 12: ("8s", b"SAMPLEID"), 36: ("4s", b"T 12")}, b"")
    tube = {0: ("I", 30), 4: ("I", 136), 24: ("f", 435), 80: ("d", ALPHA_1), 88: ("d", ALPHA_2), 116: ("2s", b"Cu")}
    one = {4: ("I", 201), 32: ("24s", moved), 72: ("d", 10.0), 80: ("d", 0.1), 92: ("f", 5), 136: ("I", 4)}
    return packed(61, {40: ("I", 1)}, b"RAW4.00") + sample + packed(136, tube, b"") + packed(160, one, b"") + FLOATS


def brml(factor: str = "1") -> bytes:
    return packed_brml(ANGLES, COUNTS, [5] * len(ANGLES), factor)


def packed_brml(angles: Sequence[float], counts: Sequence[float], times: Sequence[float], factor: str = "1") -> bytes:
    points = zip(times, angles, counts, strict=True)
    rows = "".join(f"<Datum>{time},{factor},{x},{x / 2},{y}</Datum>" for time, x, y in points)
    views = (
        '<RawDataView Start="0" Length="1" LogicName="MeasuredTime"/>'
        '<RawDataView Start="1" Length="1" LogicName="AbsorptionFactor"/><RawDataView Start="2" Length="2">'
        '<Varying LogicName="ScanAxes"/></RawDataView><RawDataView Start="4" Length="1"><Recording/></RawDataView>'
    )
    axes = '<ScanAxisInfo AxisId="TwoTheta"/><ScanAxisInfo AxisId="Theta"/>'
    tube = (
        f'<Tube><WaveLengthAlpha1 Value="{ALPHA_1}"/><WaveLengthAlpha2 Value="{ALPHA_2}"/>'
        "<TubeMaterial>Cu</TubeMaterial></Tube>"
    )
    xml = (
        '<RawData><DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation ScanName="LockedCoupled">'
        f"<TimePerStep>5</TimePerStep><ScanAxes>{axes}</ScanAxes></ScanInformation>{rows}"
        f"<DataViews>{views}</DataViews></DataRoute></DataRoutes>{tube}"
        '<SecondaryTracks><TrackInfoData><Radius Value="217.5"/></TrackInfoData></SecondaryTracks></RawData>'
    )
    return zipped({"Experiment0/RawData0.xml": xml, "Experiment0/DataContainer.xml": "<a/>"})


def uxd(pairs: bool = False) -> bytes:
    listed = "\n".join(f"{x} {y}" for x, y in zip(ANGLES, COUNTS, strict=True)) if pairs else LISTED
    return (
        f"; made\r\n_FILEVERSION=2\r\n_SAMPLE='T 12'\r\n_WL1={ALPHA_1}\r\n_WL2={ALPHA_2}\r\n_ANODE='Cu'\r\n"
        "_GONIOMETER_RADIUS=217.5\r\n; (Data for Range number 1)\r\n_DRIVE='COUPLED'\r\n_STEPTIME=5.0\r\n"
        f"_STEPSIZE=0.1\r\n_START=10.0\r\n_{'2THETA' if pairs else ''}COUNTS\r\n{listed}\r\n"
    ).encode()


def ras(axis: str = "TwoThetaTheta", factors: str = " 1.0000") -> bytes:
    rows = "".join(f"{x:.4f} {y:.4f}{factors}\r\n" for x, y in zip(ANGLES, COUNTS, strict=True))
    return (
        "*RAS_DATA_START\r\n*RAS_HEADER_START\r\n"
        f'*FILE_SAMPLE "T 12"\r\n*HW_XG_TARGET_NAME "Cu"\r\n*HW_XG_WAVE_LENGTH_ALPHA1 "{ALPHA_1}"\r\n'
        f'*HW_XG_WAVE_LENGTH_ALPHA2 "{ALPHA_2}"\r\n*MEAS_SCAN_AXIS_X_INTERNAL "{axis}"\r\n*MEAS_SCAN_STEP "0.1"\r\n'
        '*MEAS_SCAN_SPEED "1.2"\r\n*MEAS_SCAN_SPEED_UNIT "deg/min"\r\n'
        '*MEAS_COND_AXIS_NAME_INTERNAL-0 "IncidentSollerSlit"\r\n*MEAS_COND_AXIS_POSITION-0 "5.0deg"\r\n'
        f"*RAS_HEADER_END\r\n*RAS_INT_START\r\n{rows}*RAS_INT_END\r\n*RAS_DATA_END\r\n"
    ).encode()


def rasx(more: str = "") -> bytes:
    rows = "\ufeff" + "".join(f"{x:.4f}\t{y}\t1\r\n" for x, y in zip(ANGLES, COUNTS, strict=True))
    conditions = (
        "<MeasurementConditions><GeneralInformation><SampleName>T 12</SampleName></GeneralInformation>"
        '<HWConfigurations><Distances><Distance From="XrayGenerator" To="AttachmentStage" Value="300"/></Distances>'
        f"<XrayGenerator><TargetName>Cu</TargetName><WavelengthKalpha1>{ALPHA_1}</WavelengthKalpha1>"
        f"<WavelengthKalpha2>{ALPHA_2}</WavelengthKalpha2></XrayGenerator></HWConfigurations>{more}"
        "<ScanInformation><AxisName>TwoThetaTheta</AxisName><Step>0.1</Step><Speed>1.2</Speed>"
        "<SpeedUnit>deg/min</SpeedUnit><PositionUnit>deg</PositionUnit></ScanInformation></MeasurementConditions>"
    )
    return zipped({"Data0/Profile0.txt": rows, "Data0/MesurementConditions0.xml": conditions, "root.xml": "<a/>"})


def rigaku_dat(stop: str = "30.0", axis: str = "2 Theta / Theta") -> bytes:
    return (
        f"*TYPE = Raw\r\n*SAMPLE = T 12\r\n*SCAN_AXIS = {axis}\r\n*TARGET = 29\r\n*WAVE_LENGTH1 = {ALPHA_1}\r\n"
        f"*WAVE_LENGTH2 = {ALPHA_2}\r\n*XUNIT = deg.\r\n*SPEED_DIM = sec./step(FT)\r\n\r\n*BEGIN\r\n*GROUP = 0\r\n"
        f'*START = 10.0\r\n*STOP = {stop}\r\n*STEP = 0.1\r\n*SPEED = 5\r\n*SLIT_SPEC = 0, "1/2deg.", 0.87, 10\r\n'
        f"*COUNT = 201\r\n {LISTED.replace(' ', ', ')}\r\n*END\r\n*EOF\r\n"
    ).encode()


def udf(stop: str = "30.0") -> bytes:
    return (
        f"SampleIdent,T 12,/\r\nAnode,Cu,/\r\nLabdaAlpha1, {ALPHA_1},/\r\nLabdaAlpha2, {ALPHA_2},/\r\n"
        f"DivergenceSlit,Fixed,1,/\r\nDataAngleRange, 10.0, {stop},/\r\nScanStepSize, 0.1,/\r\nScanStepTime, 5.0,/\r\n"
        f"RawScan\r\n{LISTED.replace(' ', ', ')}/\r\n"
    ).encode()


def rd() -> bytes:
    places = {94: ("d", ALPHA_1), 102: ("d", ALPHA_2), 138: ("4s", b"T 12"), 214: ("d", 0.1), 222: ("d", 10.0)}
    roots = [round(10 * count**0.5) for count in COUNTS]
    return packed(250, {**places, 230: ("d", 30.0)}, b"V3RD") + struct.pack("<201H", *roots)


def gsas(kind: str = "STD") -> bytes:
    fields = {
        "STD": [f"{1:2d}{y:6d}" for y in COUNTS],
        "ESD": [f"{y:8.1f}{y**0.5:8.1f}" for y in COUNTS],
        "FXYE": [f" {100 * x:.3f} {y} {y**0.5:.3f}" for x, y in zip(ANGLES, COUNTS, strict=True)],
    }[kind]
    width = {"STD": 10, "ESD": 5, "FXYE": 1}[kind]
    rows = ["".join(fields[i : i + width]).ljust(80) for i in range(0, 201, width)]
    bank = f"BANK 1 201 {len(rows)} CONST 1000.00 10.00 0 0 {kind}"
    return "\r\n".join([f"T 12, lambda={ALPHA_1}".ljust(80), bank.ljust(80), *rows, ""]).encode()


def pdcif(listed: bool) -> bytes:
    rows = "\n".join(
        f"{x} {y}({round(y**0.5)})" if listed else f"{y}({round(y**0.5)})" for x, y in zip(ANGLES, COUNTS, strict=True)
    )
    axis = "_pd_meas_2theta_scan\n" if listed else ""
    stated = "".join(f"_pd_meas_2theta_range_{end}\n" for end in ("min 10.0", "max 30.0", "inc 0.1"))
    return (
        f"# made\ndata_T_12\n{'' if listed else stated}_diffrn_radiation_type 'Cu K\\a'\n_pd_meas_step_count_time 5\n"
        f"loop_ _diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_wt\n{ALPHA_2} 0.5\n{ALPHA_1} 1.0\n"
        f"loop_\n{axis}_pd_meas_counts_total\n{rows}\n"
    ).encode()


def in_rows(errors: bool = False) -> bytes:
    def table(values: list[float]) -> str:
        return "\n".join(" ".join(f"{value:7.1f}" for value in values[i : i + 10]) for i in range(0, 201, 10))

    body = table(list(COUNTS)) + ("\n" + table([count**0.5 for count in COUNTS]) if errors else "")
    return f"T 12, lambda = {ALPHA_1}\n  10.000   0.100  30.000\n{body}\n".encode()


ONE_A_LINE = "\n".join(map(str, COUNTS))


def sietronics() -> bytes:
    head = f"SIETRONICS XRD SCAN\r\n10.00\r\n30.00\r\n0.100\r\nCu\r\n{ALPHA_1}\r\n1-1-2000\r\n5\r\nT 12\r\nSCANDATA\r\n"
    return (head + ONE_A_LINE.replace("\n", "\r\n")).encode()


def siemens_text() -> bytes:
    wavelengths = f"{(2 * ALPHA_1 + ALPHA_2) / 3:.6f}{ALPHA_1:.6f}{ALPHA_2:.6f}1.392200"
    head = (
        f".RAW01-JAN-0012:00:00T 12 121300105.00010.000040CU20022 0{wavelengths} 10.000   0.100   201 1  8.00   2009."
    )
    return (head + "".join(f"{count:7d}." for count in COUNTS)).encode()


def jcamp(pairs: bool = False, factor: float = 1.0) -> bytes:
    rows = [f"{ANGLES[i]} {' '.join(f'{y / factor:g}' for y in COUNTS[i : i + 8])}" for i in range(0, 201, 8)]
    listed = [f"{x}, {y / factor:g};" for x, y in zip(ANGLES, COUNTS, strict=True)] if pairs else rows
    form = "XYPOINTS=(XY..XY)" if pairs else "XYDATA= (X++(Y..Y))"
    return (
        "##TITLE=T 12\n##JCAMP-DX=4.24 $$ made\n##DATA TYPE=X-RAY DIFFRACTION\n##XUNITS=2THETA\n##YUNITS=COUNTS\n"
        f"##FIRSTX=10\n##LASTX=30\n##NPOINTS=201\n##XFACTOR=1\n##YFACTOR={factor:g}\n##$WAVELENGTH={ALPHA_1}\n##{form}\n"
        + "\n".join(listed)
        + "\n##END=\n"
    ).encode()


def labelled(listed: str = ONE_A_LINE) -> bytes:
    head = f"Wavelength: {ALPHA_1} A\nStart angle [deg]: 10.0\nEnd angle [deg]: 30.0\nStep size: 0.1\nIntensities\n"
    return (head + listed + "\n").encode()


def under_a_range(line: str, listed: str = ONE_A_LINE) -> bytes:
    return f"T 12, lambda = {ALPHA_1}\n{line}\n{listed}\n".encode()


def json_lists() -> bytes:
    return f'{{"two_theta": {ANGLES}, "intensities": {COUNTS}, "setup": {{"wavelength": {ALPHA_1}}}}}'.encode()


def xlsx() -> bytes:
    head = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>counts</t></is></c></row>'
    rows = "".join(
        f'<row r="{i}"><c r="A{i}"><v>{x}</v></c><c r="B{i}"><v>{y}</v></c></row>'
        for i, (x, y) in enumerate(zip(ANGLES, COUNTS, strict=True), 2)
    )
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return zipped(
        {
            "xl/workbook.xml": "<workbook/>",
            "xl/sharedStrings.xml": f"<sst {space}><si><t>2theta</t></si></sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{head}{rows}</sheetData></worksheet>",
        }
    )


def xrdml() -> bytes:
    return (
        '<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/2.1"><sample><id>T 12</id></sample>'
        "<xrdMeasurement>"
        f"<usedWavelength><kAlpha1>{ALPHA_1}</kAlpha1><kAlpha2>{ALPHA_2}</kAlpha2></usedWavelength>"
        "<incidentBeamPath><xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube></incidentBeamPath>"
        '<scan scanAxis="Gonio"><dataPoints><positions axis="2Theta"><startPosition>10</startPosition>'
        "<endPosition>30</endPosition></positions><commonCountingTime>5</commonCountingTime>"
        f"<counts>{LISTED}</counts></dataPoints></scan></xrdMeasurement></xrdMeasurements>"
    ).encode()


# Name of the reader -> the scan in each variant of its format.
MADE: dict[str, dict[str, bytes]] = {
    "bruker_raw": {"version 1": raw_1(), "version 2": raw_2(), "version 3": raw_3()},
    "bruker_raw4": {"version 4": raw_4()},
    "bruker_brml": {"brml": brml()},
    "bruker_uxd": {"counts": uxd(), "pairs": uxd(pairs=True)},
    "rigaku_ras": {"three columns": ras(), "two columns": ras(factors="")},
    "rigaku_rasx": {"rasx": rasx()},
    "rigaku_dat": {"dat": rigaku_dat()},
    "philips_udf": {"udf": udf()},
    "philips_rd": {"rd": rd()},
    "gsas": {kind: gsas(kind) for kind in ("STD", "ESD", "FXYE")},
    "pdcif": {"listed angles": pdcif(listed=True), "range and step": pdcif(listed=False)},
    "counts_in_rows": {
        "counts": in_rows(),
        "counts and errors": in_rows(errors=True),
        "one a line": under_a_range(" 10.00 0.1 30.00"),
        "one a line, a comment": under_a_range("10.0 0.1 30.0   room temperature, sample 5"),
        "MAUD": under_a_range(f"201 0.1 10 {ALPHA_1} 1"),
        "Jade": under_a_range(f"  10.000 0.1000 1.0 CU {ALPHA_1} 30.00 201"),
        "PROFIT": under_a_range(f"  0  0  {ALPHA_1} {ALPHA_2} 0.5 10.0000 30.0000 0.10000 5.0000"),
        "start, end, step": under_a_range("10.0 30.0 0.1"),
        "a value a line": under_a_range("10.0\n30.0\n0.1\n5.0"),
    },
    "sietronics": {"cpi": sietronics()},
    "siemens_text": {"raw": siemens_text()},
    "jcamp": {"steps": jcamp(), "pairs": jcamp(pairs=True), "factor": jcamp(factor=0.5)},
    "labelled_counts": {"one a line": labelled(), "in rows": labelled(LISTED)},
    "listed_json": {"json": json_lists()},
    "spreadsheet": {"xlsx": xlsx()},
    "xrdml": {"xrdml": xrdml()},
    "text": {"xy": "".join(f"{x} {y}\n" for x, y in zip(ANGLES, COUNTS, strict=True)).encode()},
}
STATE_NO_WAVELENGTH = ("spreadsheet", "text")
