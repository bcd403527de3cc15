"""read_scan and text formats: artificial dialects, wrong files, damaged files, and real scans if available."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bragglens.errors import ScanError
from bragglens.scan import read
from bragglens.scan.formats import text
from bragglens.scan.formats.known import FORMATS, Format
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan

SCANS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "scans"

# One scan, written in every dialect below: 10 to 30°, counts from 7 to above 1000.
ANGLES = [round(10 + 0.1 * i, 1) for i in range(201)]
COUNTS = [7 + round(2000 / (1 + (angle - 25.3) ** 2 / 0.05)) for angle in ANGLES]


def read_text(data: bytes, name: str) -> Scan:
    """The scan of a text that has one."""
    (scan,) = text.read(data, name)
    return scan


def rows(pattern: str, *, end: str = "\n", comma: bool = False, angles: list[float] = ANGLES) -> str:
    """Rows with angle x, counts y (or 1000 `more`), esd and number i. `comma` gives a decimal comma."""
    lines = [
        pattern.format(x=angle, y=count, more=count + 1000, esd=count**0.5, i=i)
        for i, (angle, count) in enumerate(zip(angles, COUNTS, strict=True))
    ]
    return end.join(line.replace(".", ",") if comma else line for line in lines) + end


RRUFF = (
    "##NAMES=Anatase\n##RRUFFID=R060277.1\n##IDEAL CHEMISTRY=TiO_2_\n##X-RAY WAVELENGTH=1.541838\n##\n"
    + rows("{x:.3f}, {y:.4f}")
    + "##END=\n\n"
)
PANALYTICAL = (
    "[Measurement conditions]\nSample identification,T 12\nDate,12/03/2019 10:05\nAnode material,Cu\n"
    "K-Alpha1 wavelength,1.540598\nK-Alpha2 wavelength,1.544426\nRatio K-Alpha2/K-Alpha1,0.5\nScan axis,Gonio\n"
    "Start position [°2Th.],10.0\nTime per step,20\n[Scan points]\nAngle,TimePerStep,Intensity,ESD\n"
    + rows("{x:.4f},20.0,{y},{esd:.2f}")
)
DIALECTS: dict[str, bytes] = {
    "blanks": rows("{x:.4f} {y}").encode(),
    "padded blanks, Windows lines": rows("  {x:8.3f}   {y:9.2f}  ", end="\r\n").encode(),
    "xye": rows("{x:.3f} {y} {esd:.3f}").encode(),
    "csv with titles": ("two_theta_deg,intensity\n" + rows("{x:.2f},{y}")).encode(),
    "csv with blanks": rows("{x}, {y}").encode(),
    "csv in quotes": ('"2Theta","Counts"\n' + rows('"{x}","{y}"')).encode(),
    "csv with trailing commas": ("Angle,PSD,\n" + rows("{x:.4f},    {y},")).encode(),
    "semicolons, decimal comma": ("Winkel 2θ [°];Intensität\n" + rows("{x:.2f};{y:.1f}", comma=True)).encode(),
    "semicolons, decimal point, Excel's empty cells": rows("{x:.2f};{y:.1f};;").encode(),
    "tabs, decimal comma": ("2-theta\tImpulse\n" + rows("{x:.2f}\t{y}", comma=True)).encode(),
    "tabs and blanks": rows("{x:.2f} {y}\t{esd:.1f}").encode(),
    "blanks, decimal comma": rows("{x:.2f} {y:.2f}", comma=True).encode(),
    "exponents": rows(" {x:.7E}  {y:.7E}").encode(),
    "RRUFF": RRUFF.encode(),
    "PANalytical's csv": PANALYTICAL.encode(),
    "PANalytical's csv in latin-1": PANALYTICAL.encode("latin-1"),
    "Chinese titles": ("样品\n角度 强度\n" + rows("{x:.2f} {y}")).encode(),
    "UTF-8 with mark": ("2θ intensity\n" + rows("{x} {y}")).encode("utf-8-sig"),
    "UTF-16": ("2θ intensity\n" + rows("{x} {y}")).encode("utf-16"),
    "UTF-16, big end first": ("\ufeff2θ\tintensity\n" + rows("{x}\t{y}")).encode("utf-16-be"),
    "old Macintosh lines": rows("{x} {y}", end="\r").encode(),
    "DOS end of file": (rows("{x} {y}", end="\r\n") + "\x1a").encode(),
    "fit2d": ("a.chi\n2-Theta Angle (Degrees)\nIntensity\n       201\n" + rows(" {x:.7E}  {y:.7E}")).encode(),
    "pyFAI": ("# Wavelength: 1.5406e-10 m\n# Mask: None\n#     2th_deg     I\n" + rows("{x:.6e} {y:.6e}")).encode(),
    "every comment sign": ("# one\n! two\n; three\n' four\n// five\n% six\n" + rows("{x} {y}") + "# done\n").encode(),
    "comments within": ("10.0 7\n# pause\n// go on\n" + rows("{x} {y}").split("\n", 1)[1]).encode(),
    "a preamble of numbers": ("Sample 3\n40 30\n10 0.1 30\n2theta I\n" + rows("{x} {y}")).encode(),
    "columns told by titles": ("Nr;d [A];2Theta;rel. Int.\n" + rows("{i};3.5;{x};{y}")).encode(),
    "a scan axis in the header": ("Sample,T 12\nScan axis,2Theta\n" + rows("{x},{y}")).encode(),
    "descending": "\n".join(reversed(rows("{x} {y}").splitlines())).encode(),
    "blank lines": rows("{x} {y}\n").encode(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_scan(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "scan.txt"
    path.write_bytes(DIALECTS[dialect])
    scan = read_scan(path)
    assert scan.name == "scan.txt"
    np.testing.assert_allclose(scan.two_theta, ANGLES, rtol=0, atol=1e-9)
    np.testing.assert_allclose(scan.counts, COUNTS, rtol=0, atol=1e-6)


def test_rruff_header() -> None:
    scan = read_text(RRUFF.encode(), "R060277.txt")
    assert scan.wavelength == 1.541838
    assert scan.metadata["NAMES"] == "Anatase"
    assert scan.metadata["IDEAL CHEMISTRY"] == "TiO_2_"
    assert scan.notes == ()


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    (tmp_path / "a.xy").write_bytes(DIALECTS["blanks"])
    assert read_scan(str(tmp_path / "a.xy")).two_theta.size == len(ANGLES)


def test_notes_state_the_changes() -> None:
    assert read_text(DIALECTS["blanks"], "a").notes == ()
    assert "columns 1 and 2 of 3" in read_text(DIALECTS["xye"], "a").notes[0]
    assert "columns 3 and 4 of 4" in read_text(DIALECTS["columns told by titles"], "a").notes[0]
    assert "reversed" in read_text(DIALECTS["descending"], "a").notes[0]


def test_repeated_angles_are_averaged() -> None:
    scan = read_text((rows("{x} {y}") + f"{ANGLES[-1]} {COUNTS[-1] + 10}\n").encode(), "a")
    assert scan.two_theta.size == len(ANGLES)
    assert scan.counts[-1] == COUNTS[-1] + 5
    assert scan.notes == ("1 rows repeat an angle: averaged",)


def test_negative_intensities_are_kept() -> None:
    lines = [f"{angle} {count - 100.5}" for angle, count in zip(ANGLES, COUNTS, strict=True)]
    assert read_text("\n".join(lines).encode(), "a").counts.min() == min(COUNTS) - 100.5


@pytest.mark.parametrize(
    ("header", "wavelength"),
    [
        ("", None),
        ("wavelength 1.5406", 1.5406),
        ("# Wavelength = 1.540598 Å", 1.540598),
        ("lambda = 1,5406", 1.5406),
        ("Kalpha1 = 1.540598", 1.540598),
        ("Wellenlänge: 0.15406 nm", 1.5406),
        ("wavelength [nm]: 0.070930", 0.7093),
        ("# Wavelength: 4.1e-11 m", 0.41),
        ("Cu Kα1 (1.5406 Å)", 1.5406),
        ("Radiation: CuKa (λ=1.5418)", 1.5418),
        ("K-Alpha1 wavelength,1.540598\nK-Alpha2 wavelength,1.544426\nRatio K-Alpha2/K-Alpha1,0.5", 1.540598),
        ("K-Alpha wavelength,1.54187\nK-Alpha1 wavelength,1.540598", 1.540598),
        ("Ka1=1.54056 Ka2=1.54439 Ka2/Ka1=0.5", 1.54056),
        ("_WL1=1.540600\n_WL2=1.544390\n_WLRATIO=0.500000", 1.5406),
        ('*MEAS_COND_XG_WAVE_LENGTH_ALPHA1 "1.540593"\n*MEAS_COND_XG_WAVE_LENGTH_ALPHA2 "1.544414"', 1.540593),
        ("wavelength = 1.5406\nlambda = 1.5406", 1.5406),
    ],
)
def test_wavelength_of_the_header(header: str, wavelength: float | None) -> None:
    scan = read_text((header + "\n2theta I\n" + rows("{x} {y}")).encode(), "a")
    assert scan.wavelength == wavelength
    assert scan.notes == ()


@pytest.mark.parametrize(
    "header",
    [
        "wavelength = 1.5406\nwavelength = 0.7093",  # ambiguous
        "wavelength = 0.15406",  # copper in nm, or synchrotron in Å
        "wavelength = 15.406",
    ],
)
def test_unclear_wavelength_is_not_used_and_noted(header: str) -> None:
    scan = read_text((header + "\n" + rows("{x} {y}")).encode(), "a")
    assert scan.wavelength is None
    assert "ambiguous and was not used" in scan.notes[0]


@pytest.mark.parametrize(
    "header",
    ["K-Alpha2 wavelength,1.544426", "lambda/2 contamination 0.5 %", "Kbeta = 1.3922", "wavelength: Cu", "theta 2.5"],
)
def test_other_numbers_are_not_taken_for_wavelengths(header: str) -> None:
    scan = read_text((header + "\n" + rows("{x},{y}")).encode(), "a")
    assert scan.wavelength is None
    assert scan.notes == ()
    assert scan.two_theta[0] == ANGLES[0]


def axis(kind: str, wavelength: float = 1.5406) -> list[float]:
    """The scan's angles in another unit, by Bragg's law."""
    theta = np.radians(np.array(ANGLES) / 2)
    d = wavelength / 2 / np.sin(theta)
    return list({"theta": np.degrees(theta), "d": d, "Q": 2 * np.pi / d, "nm": 20 * np.pi / d, "d_nm": d / 10}[kind])


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("theta", "theta intensity"),
        ("theta", "# Theta (deg)   Counts"),
        ("theta", "θ\tI"),
        ("d", "d intensity"),
        ("d", "d-spacing (Å), counts"),
        ("d", "x-axis: d [A]"),
        ("d_nm", "d (nm) I"),
        ("Q", "Q (1/A) I"),
        ("Q", "#  q_A^-1   I"),
        ("Q", "Q Space\nQ [Å⁻¹]\nIntensity"),
        ("nm", "q_nm^-1 I"),
        ("nm", "Q (1/nm);Signal"),
    ],
)
def test_other_axes_become_two_theta(kind: str, title: str) -> None:
    separator = next((sign for sign in ",;\t" if sign in title), " ")
    table = rows(f"{{x:.10f}}{separator}{{y}}", angles=axis(kind))
    scan = read_text(f"# wavelength = 1.5406\n{title}\n{table}".encode(), "a")
    np.testing.assert_allclose(scan.two_theta, ANGLES, rtol=0, atol=1e-6)
    assert any("as the header says" in note for note in scan.notes)
    # Angles have the right counts, although d decreases.
    assert scan.two_theta[scan.counts.argmax()] == pytest.approx(25.3, abs=1e-6)


@pytest.mark.parametrize("title", ["theta = 2.5", "theta 2.5", "Theta: 2.5", "D. Smith", "d'après", "Q-phase sample 4"])
def test_a_header_entry_is_not_an_axis(title: str) -> None:
    assert read_text(f"{title}\n{rows('{x} {y}')}".encode(), "a").two_theta[0] == ANGLES[0]


def test_a_short_axis_is_accepted_if_the_header_calls_it_two_theta() -> None:
    table = rows("{x:.4f} {y}", angles=[angle / 3 for angle in ANGLES])
    assert read_text(("2theta I\n" + table).encode(), "a").two_theta[-1] == 10
    with pytest.raises(ScanError, match="looks like d or Q"):
        read_text(table.encode(), "a")


def replaced(line: int, new: str) -> str:
    """The scan separated by blanks, with one line, counted from 1, replaced."""
    lines = rows("{x} {y}").splitlines()
    lines[line - 1] = new
    return "\n".join(lines)


BAD: dict[str, tuple[str, str]] = {
    "prose": ("once upon a time\nthere was a powder", "no table of numbers"),
    "one column": (rows("{y}"), "one column only"),
    "few points": ("\n".join(rows("{x} {y}").splitlines()[:40]), "only 40 points"),
    "text in the middle": (replaced(100, "detector saturated"), "line 100, 'detector saturated'"),
    "text in the second row": (replaced(2, "hello"), "line 2, 'hello'"),
    "text in the third row": (replaced(3, "10.2 O"), "line 3, '10.2 O'"),
    "text at the end": (replaced(201, "30.0 1O0"), "line 201"),
    "a row too long": (replaced(7, "10.6 7 9"), "line 7, '10.6 7 9', is not 2 numbers"),
    "no angle": (replaced(50, "NaN 14.9"), "line 50, .* is not all finite"),
    "no angle in the first row": (replaced(1, "nan 10.0"), "line 1, "),
    "an angle beyond numbers": (replaced(60, "1e999 15.9"), "line 60"),
    "an angle out of bounds": (replaced(60, "1e31 15.9"), "line 60"),
    "empty cell": (rows("{x},{y}").replace("20.0,", "20.0,,"), "line 101"),
    "equal intensities": (rows("{x} 5"), "all intensities are equal"),
    "over 180": (rows("{x} {y}", angles=[7 * angle for angle in ANGLES]), "which is not 2θ in degrees"),
    "radians": (rows("{x:.6f} {y}", angles=list(np.radians(ANGLES))), "radians"),
    "radians said": ("theta (rad) I\n" + rows("{x:.6f} {y}", angles=list(np.radians(ANGLES))), "radians"),
    "d without a wavelength": ("d I\n" + rows("{x:.6f} {y}", angles=axis("d")), "axis is d.*without a wavelength"),
    "Q without a wavelength": ("Q(A-1),I\n" + rows("{x:.6f},{y}", angles=axis("Q")), "axis is Q.*without a wavelength"),
    "Q beyond reach": ("lambda=1.5406\nQ I\n" + rows("{x:.6f} {y}", angles=axis("nm")), "cannot reach all of it"),
    "d unsaid": (rows("{x:.6f} {y}", angles=axis("d", 3.0)), "looks like d or Q"),
    "Q unsaid": (rows("{x:.6f} {y}", angles=axis("Q", 0.8)), "looks like d or Q|radians"),
    "unsorted": (replaced(30, "25.05 7"), "are not monotonic, after 25.05 comes 13"),
    "counts in rows": (
        "START 10 STEP 0.02\n" + "7 9 8 12 7 8 9\n8 7 9 7 30 8 7\n6 7 8 9 8 7 9\n" * 20,
        "not monotonic",
    ),
    "thousands with commas": (rows("{x},{y:,.1f}"), "line|two ways"),
    "thousands in every row": (rows("{x},{more:,.1f}"), "two ways"),
    "thousands in quotes": ("2theta,I\n" + rows('"{x}","{more:,}"'), "two ways"),
    "thousands in blanks": (rows("{x:.1f} {more:,}").replace(",", " "), "two ways"),
    "thousands beside a decimal point": (rows("{x} {y:,}"), "line 1|no table|is not 2 numbers"),
    "decimal commas in counts alone": (rows("{i} {more:,}"), "two ways"),
    "decimal comma between commas": (rows("{x:.2f}", comma=True).replace("\n", ",7\n"), "repeat"),
    "no intensity": ("2theta,d\n" + rows("{x},{y}"), "have no intensity"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_text_is_refused_with_its_reason(case: str) -> None:
    content, reason = BAD[case]
    with pytest.raises(ScanError, match=reason) as caught:
        read_text(content.encode(), "mine.xy")
    assert str(caught.value).startswith("mine.xy: ")
    assert str(caught.value).count("mine.xy") == 1


@pytest.mark.parametrize("thousand", ["{y:,}", "{y:,.1f}", "{more:,}", "{more:,.1f}"])
@pytest.mark.parametrize("separator", [",", ", ", " ", "\t", ";"])
def test_thousands_separators_are_never_misread(thousand: str, separator: str) -> None:
    content = rows("{x}" + separator + thousand).encode()
    with pytest.raises(ScanError):
        read_text(content, "a")


def test_titles_distinguish_columns_from_thousands_separators() -> None:
    table = "".join(f"{angle},1,{200 + i}\n" for i, angle in enumerate(ANGLES))
    assert read_text(("2theta,time,counts\n" + table).encode(), "a").counts[0] == 200
    with pytest.raises(ScanError, match="two ways"):
        read_text(table.encode(), "a")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match=r"nothing\.xy: there is no such file"):
        read_scan(tmp_path / "nothing.xy")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="is a folder"):
        read_scan(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_empty_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.xy").write_bytes(content)
    with pytest.raises(ScanError, match="is empty"):
        read_scan(tmp_path / "a.xy")


def test_too_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xy").write_bytes(DIALECTS["blanks"])
    monkeypatch.setattr(read, "LARGEST", len(DIALECTS["blanks"]))
    assert read_scan(tmp_path / "a.xy").two_theta.size == len(ANGLES)
    monkeypatch.setattr(read, "LARGEST", len(DIALECTS["blanks"]) - 1)
    with pytest.raises(ScanError, match="too large"):
        read_scan(tmp_path / "a.xy")


def test_file_without_read_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xy").write_bytes(DIALECTS["blanks"])

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(ScanError, match="permission denied"):
        read_scan(tmp_path / "a.xy")


@pytest.mark.parametrize("path", ["a\0b", "a" * 5000])
def test_impossible_path(path: str) -> None:
    with pytest.raises(ScanError):
        read_scan(path)


def test_binary_file_of_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(b"\x01\x02" * 99)
    with pytest.raises(ScanError, match=r"a\.raw: is binary"):
        read_scan(tmp_path / "a.raw")


@settings(max_examples=150, derandomize=True)
@given(
    start=st.integers(0, 6000),
    step=st.integers(1, 20),
    counts=st.lists(st.integers(1000, 10**7), min_size=50, max_size=120).filter(lambda counts: len(set(counts)) > 1),
    digits=st.integers(1, 3),
    separator=st.sampled_from([" ", "   ", "\t", ";", " ; ", ",", ", "]),
    comma=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    title=st.sampled_from(["", "2theta{}counts\n", "# made by hand, 12 °C\n2theta{}counts\n", "! 2Theta{}Intensity\n"]),
)
def test_a_written_scan_is_read_back(
    start: int,
    step: int,
    counts: list[int],
    digits: int,
    separator: str,
    comma: bool,
    end: str,
    encoding: str,
    title: str,
) -> None:
    """Any scan in any simple dialect is read exactly or refused, but never misread."""
    comma = comma and "," not in separator
    angles = [(1250 + start + step * i) / 100 for i in range(len(counts))]
    lines = [f"{x:.2f}{separator}{y / 1000:.{digits}f}" for x, y in zip(angles, counts, strict=True)]
    table = end.join(line.replace(".", ",") if comma else line for line in lines)
    written = [round(y / 1000, digits) for y in counts]
    content = (title.replace("\n", end).format(separator) + table).encode(encoding)
    if len(set(written)) == 1:
        return
    scan = read_text(content, "a")
    kept = np.isin(np.round(angles, 2), np.round(scan.two_theta, 2))  # a constant with one spike loses the spike
    assert kept.all() or any("left out" in note for note in scan.notes)
    np.testing.assert_allclose(scan.two_theta, np.array(angles)[kept], rtol=0, atol=1e-9)
    np.testing.assert_allclose(scan.counts, np.array(written)[kept], rtol=0, atol=1e-3)


def keeps_contract(form: Format, data: bytes) -> bool:
    """Whether a reader returns a Scan, a ScanError or "not mine" for these bytes, and nothing else."""
    try:
        found = form.read(data, "fuzz") if form.recognises(data) else ()
        return isinstance(found, tuple) and all(isinstance(scan, Scan) for scan in found)
    except ScanError:
        return True
    except Exception:
        return False


def damaged(seed: int) -> list[bytes]:
    """Dialects truncated, with bytes changed or doubled, or joined to another. They are the same for each seed."""
    chance = random.Random(seed)
    sources = list(DIALECTS.values()) + [content.encode() for content, _ in BAD.values()]
    pieces = [bytes(chance.randbytes(chance.randrange(400))) for _ in range(100)]
    for _ in range(900):
        piece = bytearray(chance.choice(sources))
        for _ in range(chance.choice([0, 1, 3, 30])):
            piece[chance.randrange(len(piece))] = chance.randrange(256)
        first, last = sorted(chance.choices(range(len(piece) + 1), k=2))
        pieces.append(bytes(piece[first:] if chance.random() < 0.3 else piece[:last]) * chance.choice([1, 1, 2]))
    return pieces


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_give_a_scan_or_a_scan_error(form: Format) -> None:
    assert [data for data in damaged(20240611) if not keeps_contract(form, data)] == []


def test_a_bad_reader_violates_the_contract() -> None:
    class Careless:
        def recognises(self, data: bytes) -> bool:
            return True

        def read(self, data: bytes, name: str) -> tuple[Scan, ...]:
            values = np.array([float(word) for word in data.split()])
            return (Scan(name, values[::2], values[1::2]),)

    assert keeps_contract(Careless(), DIALECTS["blanks"])
    assert not all(keeps_contract(Careless(), data) for data in damaged(1))


@pytest.mark.parametrize(
    "content",
    [
        b"1" * 10**6,
        b"1" + b" " * 10**6 + b"x",
        b"5.1 1\n5.2 2\n5.3 3\n5.4" + b" " * 10**6 + b",",
        b"# wavelength " + b"angstr_" * 10**5 + b"\n1 2\n2 3\n3 4",
        b"# lambda" + b"a a" * 10**5 + b"\n1 2\n2 3\n3 4",
        b"# d" + b" " * 400 + b"x\n1 2 3\n2 3 4\n3 4 5",
        b"# d" + b" ,_" * 10**5 + b"x\n1 2\n2 3\n3 4",
    ],
)
def test_no_line_takes_a_long_time(content: bytes) -> None:
    """A regular expression with backtracking would take minutes to years here."""
    with pytest.raises(ScanError):
        read_text(content, "a")


def real_scans() -> list[Path]:
    return sorted(path for path in SCANS.rglob("*") if path.is_file()) if SCANS.is_dir() else []


@pytest.mark.skipif(not real_scans(), reason="the folder of measured scans is not here")
def test_every_real_scan_is_read() -> None:
    for path in real_scans():
        scan = read_scan(path)
        lines = sum(line[:1].isdigit() for line in path.read_text().splitlines())
        assert lines >= scan.two_theta.size > 1000, path
        assert 0 < scan.two_theta[0] < 30, path
        assert 40 < scan.two_theta[-1] < 160, path
        assert all("left out" in note for note in scan.notes), path
        assert (scan.notes == ()) == (scan.two_theta.size == lines), path


def test_a_scan_from_lists() -> None:
    scan = Scan("made by hand", ANGLES, COUNTS)
    assert scan.two_theta.dtype == scan.counts.dtype == np.float64
    assert scan.counts.tolist() == COUNTS
