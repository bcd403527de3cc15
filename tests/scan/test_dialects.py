"""Text files without angles, with another axis, with lists, or truncated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made import ANGLES, COUNTS, MADE, jcamp, labelled, pdcif, sietronics, udf, under_a_range, uxd

from bragglens.errors import ScanError
from bragglens.scan.lists import LEAST_EVEN, even_share
from bragglens.scan.read import read_scan, scans_in
from bragglens.scan.scan import Scan
from bragglens.scan.stated import range_in, stated_axis

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases" / "scans"
ROWS = list(zip(ANGLES, COUNTS, strict=True))
RANDOM = np.random.default_rng(7)


def scan_of(content: str | bytes) -> Scan:
    (scan,) = scans_in(content.encode() if isinstance(content, str) else content, "a")
    return scan


def is_the_scan(scan: Scan) -> bool:
    return scan.two_theta.size == 201 and np.allclose(scan.two_theta, ANGLES) and scan.counts.tolist() == COUNTS


def table(titles: str, row: str = "{x} {y}") -> str:
    return f"{titles}\n" + "".join(
        row.format(x=x, y=y, i=i, q=round(4 * np.pi * np.sin(np.radians(x / 2)) / 1.5406, 5)) + "\n"
        for i, (x, y) in enumerate(ROWS, 1)
    )


SHARED = {
    "counts_one_a_line/fullprof_free.dat": (1401, 10, 80, None),
    "counts_one_a_line/fullprof_free_title.dat": (1401, 10, 80, None),
    "counts_one_a_line/jade.mdi": (1401, 10, 80, 1.54056),
    "counts_one_a_line/maud.dat": (1401, 10, 80, 1.5406),
    "counts_one_a_line/maud_text.raw": (1401, 10, 80, 1.540598),
    "counts_one_a_line/sietronics.cpi": (1401, 10, 80, 1.54056),
    "counts_one_a_line/step_rounded.dat": (3046, 10.023, 89.987, 1.5406),
    "which_column/angles_q.txt": (1401, 10, 80, None),
    "which_column/gsas2_plain.csv": (1401, 10, 80, None),
    "which_column/gsas2_publication.csv": (1401, 10, 80, None),
    "which_column/highscore_de.txt": (1401, 10, 80, None),
    "jcamp/xpp_yy.jdx": (1400, 10, 79.95, None),
    "ddlm_cif/ddlm.cif": (1401, 10, 80, 1.5406),
}
SHARED_REFUSED = {
    **{f"axis_titles/{name}": "axis is" for name in ("channel.txt", "chi.txt", "chi_Q.chi", "energy.txt", "pdf.gr")},
    **{f"axis_titles/{name}": "axis is" for name in ("phi.txt", "r_mm.dat")},
    "peak_list/xpow.txt": "is a list of peaks",
}


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases is not here")
@pytest.mark.parametrize("name", SHARED)
def test_cases_are_read(name: str) -> None:
    points, first, last, wavelength = SHARED[name]
    scan = read_scan(CASES / name)
    assert scan.two_theta.size == points
    assert scan.two_theta[[0, -1]] == pytest.approx([first, last], abs=1e-6)
    assert scan.counts[:4].tolist() == [38, 57, 39, 50]
    assert scan.wavelength == wavelength


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases is not here")
@pytest.mark.parametrize("name", SHARED_REFUSED)
def test_cases_are_refused(name: str) -> None:
    with pytest.raises(ScanError, match=SHARED_REFUSED[name]):
        read_scan(CASES / name)


COLUMNS = {
    "GSAS-II": table('used,"x, 2theta (deg)",obs,calc,bkg,diff', "1,{x},{y},5.0,4.0,0.0"),
    "GSAS-II, plain": table('"x","y_obs","weight","y_calc","y_bkg","Q"', "{x},{y},1,5.0,4.0,{q}"),
    "HighScore, German": "Nr.;Pos. [°2Th.];Iobs [cts]" + table("", "{i};{x};{y}").replace(".", ","),
    "angles, then Q": table("Angles Q Intensities I_err N", "{x:.4f} {q} {y} 1 20"),
    "calculated first": table("2Theta,Ycalc,Yobs,Background", "{x},3.5,{y},1.0"),
    "FWHM is no angle": table("FWHM [°2Th.];Pos. [°2Th.];Intensity", "0.1;{x};{y}"),
    "Symbol's theta": table("2q (deg)\tCounts", "{x}\t{y}"),
    "LaTeX": table(r"$2\theta$ ($^\circ$),Intensity", "{x},{y}"),
    "French": table("Angle 2θ (°);Intensité (coups)", "{x};{y}"),
    "Spanish": table("Ángulo;Intensidad", "{x};{y}"),
    "Russian": table("2тета;Интенсивность", "{x};{y}"),
    "a θ that was lost": table("2? (°),counts", "{x},{y}"),
    "blanks in titles": table("2 theta (deg)  Intensity (a.u.)"),
    "rows numbered, no titles": table("sample", "{i} {x} {y}"),
    "decimal commas in quotes": table('"2Theta","I"', '"{x}","{y}"').replace(".", ","),
    "energy in the header only": table("Energy: 8.04 keV\n# 2theta I"),
    "TOPAS' xye": table("'Id: x Comment: Phi rotation", "{x} {y} 1.0"),
    "motors beside": table("TWOTHETA   OMEGA   TIME    CHAN1", "{x} 5. 1.0 {y}"),
    "Origin": table("2Theta\tIntensity\ndegrees\ta.u.\n\tsample 1", "{x}\t{y}"),
}


@pytest.mark.parametrize("dialect", COLUMNS)
def test_the_right_columns_are_read(dialect: str) -> None:
    assert is_the_scan(scan_of(COLUMNS[dialect]))


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Energy (keV) Counts",
            "energy\tcounts",
            "E [keV]\tIntensity",
            "Energie (keV)\tImpulse",
            "x-axis: energy (keV)",
        ),
        *(
            "Chi Intensity",
            "chi_deg I",
            "Psi\tI",
            "Phi,Intensity",
            "ω (°)\tCounts",
            "Omega Counts",
            "Azimuth (Degrees)",
        ),
        *("#L r(A)  G(A^-2)", "#   r_mm             I ", "Radial Distance (mm)\nIntensity\n 201", "r [Å],G(r)"),
        *("channel counts", "Kanal;Impulse", "Pixel Intensity", "Time (s)\tCounts", "t (s),I", "Temperature (K)\tI"),
        *("Wavelength (nm),S1", "Raman shift (cm-1)\tIntensity", "Position (mm)\tCounts", "Scan axis: Phi"),
        *('used,"x, TOF (µs)",obs', "Scan axis,Omega\nAngle,Intensity"),
    ],
)
def test_another_axis_is_refused_by_its_name(title: str) -> None:
    separator = next((sign for sign in "\t;," if sign in title.split("\n")[0]), " ")
    row = "1,{x},{y}" if title.startswith("used") else f"{{x}}{separator}{{y}}"
    with pytest.raises(ScanError, match="its axis is '"):
        scan_of(table(title, row))


@pytest.mark.parametrize("title", ["# chi_Q chi_I", "#L Q($\\AA^{-1}$)  I", "q / nm^-1 I", "Q (Inverse Nanometres)"])
def test_q_needs_a_wavelength(title: str) -> None:
    with pytest.raises(ScanError, match=r"axis is Q.*without a wavelength"):
        scan_of(table(title))
    read = scan_of(f"# wavelength = 1.5406\n{table('# chi_Q chi_I', '{q} {y}')}")
    np.testing.assert_allclose(read.two_theta, ANGLES, atol=1e-3)


def test_a_line_of_units_applies_to_the_axis() -> None:
    nanometres = table("# wavelength = 1.5406\nQ\tIntensity\n1/nm\ta.u.", "{q}\t{y}").split("\n")
    rows = [f"{float(row.split()[0]) * 10:.5f}\t{row.split()[1]}" for row in nanometres[3:] if row]
    np.testing.assert_allclose(scan_of("\n".join([*nanometres[:3], *rows])).two_theta, ANGLES, atol=1e-3)


@pytest.mark.parametrize(
    "content", ["".join(f"{i} {y}\n" for i, y in enumerate(COUNTS[:150], 1)), table("Nr;I", "{i};{y}")]
)
def test_point_numbers_are_not_angles(content: str) -> None:
    with pytest.raises(ScanError, match="number"):
        scan_of(content)


def uneven(count: int, digits: int) -> list[float]:
    return sorted({round(float(value), digits) for value in RANDOM.uniform(8, 110, count)})


@pytest.mark.parametrize(
    "content",
    [
        "2-THETA INTENSITY D-SPACING H K L Multiplicity\n"
        + "".join(f"{x} {100 / (i + 1):.2f} 3.0 1 0 {i} 8\n" for i, x in enumerate(uneven(70, 2))),
        "".join(f"{x} {200 - x}\n" for x in uneven(93, 3)),
        f'{{"two_theta": {[x * x / 40 for x in range(20, 60, 2)] + uneven(60, 4)}, "intensities": {list(range(80))}}}',
        "Pos. [°2Th.];FWHM [°2Th.];Height [cts]\n" + "".join(f"{x};0.1;{50 + x}\n" for x in uneven(60, 4)),
    ],
)
def test_lists_are_not_scans(content: str) -> None:
    with pytest.raises(ScanError, match="is a list of peaks"):
        scan_of(content)


def test_measured_steps_are_uniform() -> None:
    """Steps that rounding makes uneven, that change, or that grow, and fewer digits from 10° on."""
    rounded = np.round(3 + 0.015592 * np.arange(2000), 2)
    mixed = np.where(rounded < 10, np.round(3 + 0.015592 * np.arange(2000), 3), rounded)
    growing = np.degrees(np.arctan(np.arange(100, 2000) / 1500))
    changed = np.concatenate([np.arange(10, 40, 0.02), np.arange(40, 90, 0.05)])
    for axis in (rounded, mixed, growing, changed):
        assert even_share(axis) > 0.95
    assert even_share(np.array(uneven(90, 2))) < 0.4 < LEAST_EVEN


def test_a_rounded_step_in_the_header() -> None:
    notes: list[str] = []
    axis = stated_axis(3046, start=10.023, stop=89.987, step=0.026, notes=notes)
    assert axis[-1] == pytest.approx(89.987, abs=1e-6)
    assert "rounds the step" in notes[0]
    # A scan that was stopped early: its range is an integer number of steps.
    notes.clear()
    assert stated_axis(3400, start=10.0, stop=80.0, step=0.02, notes=notes)[-1] == pytest.approx(77.98)
    assert "the measurement may have been stopped" in notes[0]
    for held in (1200, 4000):
        with pytest.raises(ScanError, match="cannot be trusted"):
            stated_axis(held, start=10.023, stop=89.987, step=0.026, notes=[])


def test_standard_deviations_are_not_counts() -> None:
    pairs = "\n".join(f"{y} {y**0.5:.2f}" for y in COUNTS)
    with pytest.raises(ScanError):
        scan_of(under_a_range("10.0 0.1 30.0", pairs))


def test_a_table_under_a_range_stays_a_table() -> None:
    assert is_the_scan(scan_of(table("sample\n10.0 0.1 30.0")))


@pytest.mark.parametrize(
    ("header", "stated"),
    [
        ("Start angle = 10\nStep size = 0.02\nEnd angle = 80", (10, 80, 0.02, None)),
        ("Startwinkel: 10,5\nSchrittweite: 0,02\nEndwinkel: 80", (10.5, 80, 0.02, None)),
        ("Start position [°2Th.],5.0\nEnd position [°2Th.],70.0\nNo. of points,3250", (5, 70, None, 3250)),
        ("START 10 STEP 0.02", (10, None, 0.02, None)),
        ("FILE: x SCAN: 10.0/80.0/0.02/0.6(sec), Cu(40kV,30mA)", (10, 80, 0.02, None)),
        ("No. of points: 350     Counting time per point:    5.0", (None, None, None, 350)),
        ("Start time: 12\nStep time = 5\nMax = 1000\nTo: Mr 5", (None, None, None, None)),
    ],
)
def test_values_in_a_header_are_read(header: str, stated: tuple[float | None, ...]) -> None:
    found = range_in(header.split("\n"))
    assert (found.start, found.stop, found.step, found.points) == stated


CUT = {
    "points stated": "No. of points: 402\n2theta I\n" + table("").lstrip(),
    "end stated": "Start angle: 10\nEnd angle: 60\nStep: 0.1\n2theta I\n" + table("").lstrip(),
    "Jade's text": "SCAN: 10.0/60.0/0.1/1(sec), Cu(40kV,30mA)\n" + table("").lstrip(),
    "FIT2D": "a.chi\n2-Theta Angle (Degrees)\nIntensity\n       402\n" + table("").lstrip(),
    "JCAMP": jcamp().replace(b"NPOINTS=201", b"NPOINTS=300").decode(),
    "cif": pdcif(listed=True).decode().replace("loop_", "_pd_meas_number_of_points 300\nloop_", 1),
    "counts one a line": under_a_range("10.0 0.1 40.0").decode(),
    "labelled counts": labelled().decode().replace("30.0", "40.0"),
    "cpi": sietronics().decode().replace("30.00", "40.00"),
}


@pytest.mark.parametrize("kind", CUT)
def test_fewer_points_than_the_header_states_are_noted(kind: str) -> None:
    scan = scan_of(CUT[kind])
    assert scan.two_theta.size == 201
    assert any("the header states" in note for note in scan.notes)


@pytest.mark.parametrize(
    "content",
    [
        uxd().replace(b"_STEPSIZE", b"_STEPCOUNT=300\r\n_STEPSIZE"),
        uxd(pairs=True).replace(b"_STEPSIZE", b"_STEPCOUNT=300\r\n_STEPSIZE"),
        uxd(pairs=True)[:-5],
        MADE["siemens_text"]["raw"][:900],
    ],
)
def test_truncated_files_are_refused(content: bytes) -> None:
    with pytest.raises(ScanError, match=r"cut short|not all numbers"):
        scan_of(content)


def test_a_converter_states_steps_in_place_of_points() -> None:
    assert is_the_scan(scan_of(uxd().replace(b"_STEPSIZE", b"_STEPCOUNT= 0200\r\n_STEPSIZE")))


def test_udf_may_end_without_its_slash() -> None:
    assert is_the_scan(scan_of(udf().rstrip().removesuffix(b"/")))
    with pytest.raises(ScanError, match="cut short"):
        scan_of(udf()[:-300])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((b"XUNITS=2THETA", b"XUNITS=1/CM"), "JCAMP-DX of|its axis is"),
        ((b"##XYDATA= (X++(Y..Y))", b"##PEAK TABLE=(XY..XY)"), "as lists of peaks are"),
        ((b"\n10.8 ", b"\n11.0 "), "do not begin where its steps lead"),
        ((b"\n10.8 ", b"\n@10.8J "), "in a compressed form"),
    ],
)
def test_jcamp_of_other_data_is_refused(change: tuple[bytes, bytes], says: str) -> None:
    assert change[0] in jcamp()
    with pytest.raises(ScanError, match=says):
        scan_of(jcamp().replace(*change))


def test_names_of_the_new_powder_dictionary_are_read() -> None:
    dotted = pdcif(listed=True).replace(b"_pd_meas_", b"_pd_meas.")
    dotted = dotted.replace(b"_diffrn_radiation_wavelength_wt", b"_diffrn_radiation_wavelength.wt")
    dotted = dotted.replace(b"loop_ _diffrn_radiation_wavelength\n", b"loop_ _diffrn_radiation_wavelength.value\n")
    scan = scan_of(dotted)
    assert is_the_scan(scan)
    assert scan.wavelength == 1.5406
    easy = "data_x\n_instr.wavelength 1.494\n_expt_type.radiation_probe neutron\nloop_\n_pd_meas.2theta_scan\n"
    scan = scan_of(easy + "_pd_meas.intensity_total\n" + "".join(f"{x} {y}\n" for x, y in ROWS))
    assert is_the_scan(scan)
    assert scan.wavelength == 1.494
    assert any("neutron" in note for note in scan.notes)
