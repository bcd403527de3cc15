"""The contract of all formats: every reader gives the same scan, and the same kind of error for damaged files."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from made import (
    ALPHA_1,
    ALPHA_2,
    ANGLES,
    COUNTS,
    MADE,
    STATE_NO_WAVELENGTH,
    brml,
    packed,
    pdcif,
    ras,
    rasx,
    raw_2,
    raw_3,
    raw_4,
    rd,
    rigaku_dat,
    udf,
    uxd,
    xlsx,
    zipped,
)

from bragglens import BragglensError
from bragglens.errors import ScanError
from bragglens.scan import assemble, unpack
from bragglens.scan.formats import nexus, refused
from bragglens.scan.formats.known import FORMATS, Format
from bragglens.scan.read import read_scan, read_scans
from bragglens.scan.scan import METADATA, Scan

READERS = {form.__name__.rpartition(".")[2]: form for form in FORMATS if isinstance(form, ModuleType)}
SHAPES = [(reader, shape) for reader, shapes in MADE.items() for shape in shapes]


def breaches(form: Format, data: bytes, name: str = "a.scan") -> Iterator[str]:
    """Violations of the contract by a reader with these bytes."""
    if form.recognises(data) not in (True, False):
        yield "recognises does not answer yes or no"
    if not form.recognises(data):
        return
    try:
        scans = form.read(data, name)
    except ScanError as error:
        said = str(error)
        if not said.startswith(f"{name}: ") or said.count(name) > 1:
            yield f"does not begin with the file's name, once: {said}"
        if not said.isprintable() or len(said) > 400 or ": " not in said[len(name) + 2 :]:
            yield f"is not one sentence that says what to do: {said!r}"
        return
    except Exception as error:
        yield f"raises {error!r}"
        return
    if not (isinstance(scans, tuple) and scans and all(isinstance(scan, Scan) for scan in scans)):
        yield "gives no tuple of scans"
        return
    for scan in scans:
        if scan.name != name:
            yield "does not name the scan"
        if not all(isinstance(value, str) and value for value in scan.metadata.values()):
            yield "has empty metadata, or none that is text"
        if (
            form.__name__.rpartition(".")[2] not in ("text", "spreadsheet")
            and not scan.metadata.keys() <= METADATA.keys()
        ):  # type: ignore[attr-defined]
            yield f"spells its metadata in its own way: {sorted(scan.metadata.keys() - METADATA.keys())}"


def test_every_reader_has_a_made_scan() -> None:
    assert MADE.keys() | {"nexus", "refused"} == READERS.keys()


@pytest.mark.parametrize(("reader", "shape"), SHAPES)
def test_every_reader_gives_the_same_scan(reader: str, shape: str, tmp_path: Path) -> None:
    (tmp_path / "a.scan").write_bytes(MADE[reader][shape])
    assert next(name for name, form in READERS.items() if form.recognises(MADE[reader][shape])) == reader
    assert list(breaches(READERS[reader], MADE[reader][shape])) == []
    scan = read_scan(tmp_path / "a.scan")
    np.testing.assert_allclose(scan.two_theta, ANGLES, rtol=0, atol=1e-6)
    # RD stores the square root of counts.
    np.testing.assert_allclose(
        scan.counts, COUNTS, rtol=0, atol=0.6 * 0.2 * max(COUNTS) ** 0.5 if reader == "philips_rd" else 0
    )
    assert scan.wavelength == (None if reader in STATE_NO_WAVELENGTH else ALPHA_1)
    assert scan.notes == ()


@pytest.mark.parametrize(
    "reader",
    sorted(
        MADE.keys()
        - {"text", "spreadsheet", "listed_json", "counts_in_rows", "gsas"}
        - {"jcamp", "labelled_counts", "siemens_text", "sietronics"}
    ),
)
def test_metadata_of_all_formats_have_the_same_keys(reader: str) -> None:
    for data in MADE[reader].values():
        metadata = READERS[reader].read(data, "a")[0].metadata
        assert float(metadata["wavelength_2"]) == pytest.approx(ALPHA_2)
        assert reader == "philips_rd" or float(metadata["counting_time_s"]) == pytest.approx(5)
        assert reader in ("philips_rd", "bruker_raw") or metadata["anode"] == "Cu"
        assert reader == "bruker_brml" or metadata["sample"].replace("_", " ") == "T 12"


def test_optics_are_read() -> None:
    said = {
        reader: READERS[reader].read(next(iter(shapes.values())), "a")[0].metadata for reader, shapes in MADE.items()
    }
    assert said["bruker_raw4"]["radius_mm"] == "217.5"
    assert said["bruker_brml"]["radius_mm"] == "217.5"
    assert said["rigaku_rasx"]["radius_mm"] == "300"
    assert said["philips_udf"]["divergence_slit_deg"] == "1"
    assert said["rigaku_dat"]["divergence_slit_deg"] == "0.5"
    assert float(said["rigaku_ras"]["soller_rad"]) == pytest.approx(0.0872665)
    assert READERS["bruker_raw"].read(raw_3(), "a")[0].metadata["divergence_slit_deg"] == "0.3"
    automatic = READERS["bruker_raw"].read(raw_3()[:784] + b"V6" + raw_3()[786:], "a")[0].metadata
    assert automatic["automatic_slit_mm"] == "6"
    assert "divergence_slit_deg" not in automatic


def careless(read: Callable[[bytes, str], object]) -> Format:
    return SimpleNamespace(__name__="careless", recognises=lambda data: True, read=read)  # type: ignore[return-value]


def fails(said: str) -> Callable[[bytes, str], object]:
    def read(data: bytes, name: str) -> object:
        raise ScanError(said)

    return read


GOOD = Scan("a.scan", np.array(ANGLES), np.array(COUNTS, dtype=float))


@pytest.mark.parametrize(
    ("bad", "breach"),
    [
        (careless(lambda data, name: [float(word) for word in data.split()]), "raises"),
        (careless(lambda data, name: GOOD), "no tuple"),
        (careless(lambda data, name: ()), "no tuple"),
        (careless(lambda data, name: (Scan("b", GOOD.two_theta, GOOD.counts),)), "does not name"),
        (
            careless(lambda data, name: (Scan("a.scan", GOOD.two_theta, GOOD.counts, metadata={"tube": "Cu"}),)),
            "own way",
        ),
        (careless(lambda data, name: (Scan("a.scan", GOOD.two_theta, GOOD.counts, metadata={"anode": ""}),)), "empty"),
        (careless(fails("bad")), "does not begin"),
        (careless(fails("a.scan: bad")), "what to do"),
        (careless(fails("a.scan: bad\n: mend it")), "one sentence"),
    ],
)
def test_bad_readers_violate_the_contract(bad: Format, breach: str) -> None:
    assert any(breach in found for found in breaches(bad, b"12 x"))


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Truncated, or with bytes changed, half of them in the header."""
    if chance.random() < 0.5:
        return data[: chance.randrange(len(data))]
    piece = bytearray(data)
    for _ in range(chance.choice([1, 3, 30])):
        piece[chance.randrange(len(piece) if chance.random() < 0.5 else min(len(piece), 2000))] = chance.randrange(256)
    return bytes(piece)


def outcome(data: bytes) -> list[str]:
    """Violations of the contract by the reader of these bytes."""
    form = next((form for form in FORMATS if form.recognises(data)), None)
    return list(breaches(form, data)) if form else []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("reader", "shape"), SHAPES)
def test_damaged_files_give_scans_or_one_sentence(reader: str, shape: str) -> None:
    chance = random.Random(f"{reader} {shape}")
    pieces = [damaged(MADE[reader][shape], chance) for _ in range(40)]
    assert [found for piece in pieces for found in outcome(piece)] == []


def test_real_files_are_read_and_agree(shared: Path) -> None:
    """All except maps, time of flight, tables of a few points and similar files. `benchmarks/formats.py` lists them."""
    folder = shared / "formats"
    read = {path.relative_to(folder).as_posix(): real(path) for path in sorted(folder.glob("*/*"))}
    scans = {name: found[0] for name, found in read.items() if found}
    assert len(scans) >= 125
    for n in (2, 3, 4, 6):
        first = scans[f"bruker_raw_v1/sdpd_sample{n}.raw"]
        for other in (f"bruker_uxd/sample{n}.uxd", f"philips_udf/sample{n}.udf", f"rigaku_dat/sample{n}r.dat"):
            assert scans[other].counts.tolist() == first.counts.tolist()
            assert abs(scans[other].two_theta[0] - first.two_theta[0]) < 0.021  # as stated in the files
    for stem in ("bruker_raw_v2/CORKLZ20", "bruker_raw_v2/QTZQUIN", "bruker_raw_v3/D5000_1", "bruker_raw_v3/D5000_5"):
        truth = next(scan for name, scan in scans.items() if name.startswith(stem) and "truth" in name)
        assert scans[f"{stem}.RAW"].counts.tolist() == truth.counts.tolist()
        np.testing.assert_allclose(scans[f"{stem}.RAW"].two_theta, truth.two_theta, rtol=0, atol=1e-4)


def real(path: Path) -> list[Scan]:
    try:
        return read_scans(path)
    except ScanError:
        return []


def test_an_independent_reader_gives_the_same_scans(shared: Path) -> None:
    geddes = pytest.importorskip("geddes")
    for name in (
        "bruker_raw_v3/Cu3Au-1.raw",
        "bruker_raw_v4/geddes_bruker4_diffrac_eva.raw",
        "bruker_brml/rietx_bruker_absorber.brml",
        "bruker_uxd/CDLY14F34.UXD",
        "gsas/NIST660CBI.gsas",
        "pdcif/ALUMINA.cif",
        "pdcif/nist_srm660c_100a.cif",
        "rigaku_ras/rietx_rigaku_nims.ras",
        "rigaku_rasx/geddes_sample.rasx",
    ):
        path = shared / "formats" / name
        scan, theirs = read_scan(path), geddes.read(str(path))
        np.testing.assert_allclose(scan.two_theta, theirs.x, rtol=0, atol=1e-6)
        np.testing.assert_allclose(scan.counts, theirs.y, rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_damaged_real_files(shared: Path) -> None:
    """Seven trials of each file. `benchmarks/formats.py --damage` makes more."""
    chance = random.Random(1912)
    files = [path for path in sorted((shared / "formats").glob("*/*")) if path.stat().st_size < 700_000]
    tries = [damaged(path.read_bytes(), chance) for path in files for _ in range(7)]
    assert len(tries) > 900
    assert [found for data in tries for found in outcome(data)] == []


def test_errors_are_of_one_kind() -> None:
    assert issubclass(ScanError, BragglensError)


WRONG: dict[str, tuple[bytes, str]] = {
    "RAW 1 with bytes too many": (MADE["bruker_raw"]["version 1"] + b"more", "where one range of 201 points takes 960"),
    "RAW 2 with a range missing": (raw_2()[:4] + b"\2\0" + raw_2()[6:], "bytes are needed"),
    "RAW 3 of no range": (raw_3()[:12] + bytes(4) + raw_3()[16:], "says it holds 0 ranges"),
    "RAW 4 of a rocking curve": (raw_4(b"Rocking Curve"), "is a scan of Rocking Curve, not of 2θ"),
    "Stoe's RAW": (b"RAW_1.06Powdat\0\0", "is Stoe's binary RAW, whose layout is not published"),
    "brml without points": (zipped({"Experiment0/DataContainer.xml": "<a/>"}), "only images or nothing"),
    "ras of omega": (ras(axis="Omega"), "is a scan of Omega, not of 2θ"),
    "rasx map": (
        rasx("<RSMInformation><StepAxisName>Omega</StepAxisName></RSMInformation>"),
        "is a reciprocal-space map of 1 scans at steps of Omega",
    ),
    "rigaku dat of theta": (rigaku_dat(axis="Theta"), "is a scan of Theta"),
    "range and counts that differ": (rigaku_dat(stop="60.0"), "but holds 201: its angles cannot be trusted"),
    "udf likewise": (udf(stop="20.0"), "101 points, but holds 201"),
    "rd cut": (rd()[:300], "its angles cannot be trusted"),
    "uxd of phi": (uxd().replace(b"COUPLED", b"PHI"), "is a scan of PHI"),
    "gsas of flight times": (MADE["gsas"]["STD"].replace(b"CONST", b"SLOG"), "is binned as SLOG"),
    "gsas cut": (MADE["gsas"]["STD"][:900], "of the 201 numbers that its BANK states"),
    "gsas of another kind": (MADE["gsas"]["STD"].replace(b" STD", b" ALT"), "of the kind 'ALT'"),
    "cif of a structure": (b"data_a\n_cell_length_a 4.0\n", "is a CIF of a structure, not of a scan"),
    "cif of flight times": (b"data_a\nloop_ _pd_meas_time_of_flight _pd_meas_intensity_total\n1 2\n", "time-of-flight"),
    "cif whose table is a comment": (b"data_a\n_pd_phase_name x\n#loop_\n", "missing or commented out"),
    "rows cut": (MADE["counts_in_rows"]["counts"][:900], "201 points, but holds"),
    "rows that are a table": (
        b"5.0 0.05 60.0\n" + b"".join(b"%.2f 10 3.1 1 1\n" % (5 + i / 20) for i in range(300)),
        "1101 points, but holds 1500 numbers",
    ),
    "json of something": (b'{"a": [1, 2]}', "without one list of numbers named two_theta"),
    "workbook of words": (zipped({"xl/worksheets/sheet1.xml": "<a/>"}), "no table of numbers"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", r"old binary Office file \(.xls\): save it as .xlsx"),
    "some zip": (zipped({"a.txt": "1 2"}), "is a zip archive without a known scan format"),
    "cut zip": (rasx()[:-40], "is a damaged zip archive"),
    "TIFF": (b"II*\0" + bytes(99), "is a TIFF image: integrate it"),
    "gzip": (b"\x1f\x8b\x08\0" + bytes(99), "is compressed with gzip"),
    "two scans, one of omega": (ras() + ras(axis="Omega"), "is a scan of Omega"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_other_measurements_are_refused_by_name(case: str, tmp_path: Path) -> None:
    content, says = WRONG[case]
    (tmp_path / "mine.x").write_bytes(content)
    with pytest.raises(ScanError, match=says):
        read_scan(tmp_path / "mine.x")
    assert outcome(content) == []


def test_repeats_are_summed_and_ranges_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(raw_3(ranges=3))
    scan = read_scan(path)
    assert scan.counts.tolist() == [3 * count for count in COUNTS]
    assert scan.notes == ("3 scans of the same range: summed",)
    assert [scan.name for scan in read_scans(path)] == ["a.raw [1]", "a.raw [2]", "a.raw [3]"]
    later = raw_3(start=40.0)[712:]
    path.write_bytes(raw_3()[:12] + b"\2" + raw_3()[13:] + later)
    assert [scan.two_theta[0] for scan in read_scans(path)] == [10, 40]
    with pytest.raises(ScanError, match=r"2 different scans \(10-30°, 40-60°\): export one of them as a file"):
        read_scan(path)


def test_a_table_whose_angles_restart_has_several_scans(tmp_path: Path) -> None:
    table = MADE["text"]["xy"]
    (tmp_path / "a.xy").write_bytes(table + table)
    assert read_scan(tmp_path / "a.xy").counts.tolist() == [2 * count for count in COUNTS]
    (tmp_path / "a.xy").write_bytes(table + table.split(b"\n", 20)[-1])
    assert [scan.two_theta[0] for scan in read_scans(tmp_path / "a.xy")] == [10, 12]


def test_short_ranges_are_left_out() -> None:
    short = packed(304, {0: ("I", 304), 4: ("I", 2), 16: ("d", 5.0), 176: ("d", 0.1)}, b"") + bytes(8)
    (scan,) = READERS["bruker_raw"].read(raw_3()[:12] + b"\2" + raw_3()[13:] + short, "a")
    assert scan.notes == ("1 of 2 ranges have fewer than 50 points: left out",)


def test_scans_with_an_offset_of_omega_are_noted() -> None:
    data = bytearray(raw_3())
    data[720:728] = np.float64(1.0).tobytes()
    assert "began with θ at 1° and 2θ at 10°" in READERS["bruker_raw"].read(bytes(data), "a")[0].notes[0]


def test_rows_with_individual_counting_times() -> None:
    rows = "".join(f"{x} {y} 07/07/2022 19:15:30\n" for x, y in zip(ANGLES, COUNTS, strict=True))
    (scan,) = READERS["text"].read(f"twotheta intensity date time\n{rows}".encode(), "a")
    assert scan.counts.tolist() == COUNTS


@pytest.mark.parametrize("in_counts", [True, False])
def test_attenuator_factors_are_applied_once(in_counts: bool) -> None:
    level = np.full(100, 1000.0)
    factors = np.where(np.arange(100) < 50, 1.0, 8.0)
    notes: list[str] = []
    counts = assemble.unattenuated(level if in_counts else level / factors, factors, notes)
    np.testing.assert_allclose(counts, level)
    assert ("already" in notes[0]) == in_counts


def test_a_cif_with_a_damaged_block_gives_its_other_scans() -> None:
    for data in MADE["pdcif"].values():
        broken = data.replace(b"# made\n", b"data_a\n_audit_creation_date Oct 23 13:47:26\n").replace(
            b"_pd_meas_step", b"_x a b\n_pd_meas_step"
        )
        assert READERS["pdcif"].read(broken, "a")[0].counts.tolist() == COUNTS


def test_a_calculated_block_is_not_a_scan() -> None:
    both = pdcif(listed=True) + pdcif(listed=True).replace(b"data_T_12", b"data_T_12_calc")
    assert len(READERS["pdcif"].read(both, "a")) == 1


@pytest.mark.parametrize("value", [0.154, 15.4, -1.5, float("nan")])
def test_an_impossible_wavelength_is_noted_and_not_used(value: float) -> None:
    data = raw_3()[:624] + np.float64(value).tobytes() + raw_3()[632:]
    scan = READERS["bruker_raw"].read(data, "a")[0]
    assert scan.wavelength is None or 0.1 < scan.wavelength < 6
    assert (scan.wavelength is None) == (value != 0.154)
    assert scan.wavelength or "which is not possible: not used" in scan.notes[0]


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
BOMBS: dict[str, Callable[[], bytes]] = {
    "brml that unpacks to 300 MB": lambda: zipped({"E/RawData0.xml": b"<a>" + bytes(300 * 2**20)}),
    "rasx that unpacks to 65 MB": lambda: zipped(
        {"Data0/Profile0.txt": b"1 2 1\n" * (11 * 2**20), "Data0/MesurementConditions0.xml": "<a/>"}
    ),
    "brml of millions of elements": lambda: zipped({"E/RawData0.xml": b"<a>" + b"<b/>" * 3_000_000 + b"</a>"}),
    "rasx of many profiles": lambda: zipped({f"Data{i}/Profile{i}.txt": "1 2" for i in range(5001)}),
    "directory of millions": lambda: b"PK\3\4" + b"PK\1\2" * 2_000_000,
    "brml with entities": lambda: zipped({"E/RawData0.xml": ENTITIES + "<a>&c;</a>"}),
    "rasx with entities": lambda: zipped(
        {"Data0/Profile0.txt": "1 2 1", "Data0/MesurementConditions0.xml": ENTITIES + "<a>&c;</a>"}
    ),
    "workbook with entities": lambda: zipped({"xl/worksheets/sheet1.xml": ENTITIES + "<a>&c;</a>"}),
    "text of millions of lines": lambda: b"1 2\n" * 2_000_000,
    "json deeper than any": lambda: b'{"a": ' + b"[" * 10**6,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_before_reading(bomb: str) -> None:
    data = BOMBS[bomb]()
    form = next(form for form in FORMATS if form.recognises(data))
    with pytest.raises(ScanError, match=r"over|millions|entities|damaged|without a scan"):
        form.read(data, "bomb")
    assert outcome(data) == []


def test_wrong_sizes_in_an_archive_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "_LARGEST", 1000)
    archive = unpack.Archive(zipped({"a": bytes(5000)}))
    archive._members.getinfo("a").file_size = 10
    with pytest.raises(ScanError, match=r"unpacks to over|damaged"):
        archive.read("a")


@pytest.mark.parametrize(
    "content",
    [
        b"*RAS_HEADER_START\n" * 10**5,
        b"*TYPE = Raw\n*A =" + b" " * 10**6 + b"x\n*BEGIN\n",
        b"SampleIdent,a,/\na," + b"/ " * 10**6,
        b"10 0.1 30\n" + b"1 2 3 4 5 6\n" * 3 + b"1" * 10**6 + b"x",
        b"data_a\n" + b"\n" * 10**6 + b"_pd_x",
        b"_FILEVERSION=2\n_A=" + b" " * 10**6,
        b'{"a": "' + b"wavelength " * 10**5 + b'"}',
        b"1 2 3 07/07" + b" " * 10**6 + b"x\n",
    ],
)
def test_no_header_takes_a_long_time(content: bytes) -> None:
    """A regular expression with backtracking would take minutes here."""
    assert outcome(content) == []


def nexus_file(**changes: object) -> bytes:
    h5py = pytest.importorskip("h5py")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs["default"] = "data"
        data = entry.create_group("data")
        data.attrs.update({"signal": "intensity", "axes": "two_theta"} | changes.get("attributes", {}))  # type: ignore[operator]
        data["intensity"] = changes.get("intensity", COUNTS)
        data["two_theta"] = changes.get("two_theta", ANGLES)
        data["two_theta"].attrs["units"] = changes.get("units", "deg")
        entry["source/k_alpha_one"] = ALPHA_1
        entry["source/xray_tube_material"] = "Cu"
    return content.getvalue()


def test_nexus() -> None:
    (scan,) = nexus.read(nexus_file(), "a")
    np.testing.assert_allclose(scan.two_theta, ANGLES)
    assert scan.counts.tolist() == COUNTS
    assert scan.wavelength == ALPHA_1
    assert scan.metadata == {"anode": "Cu"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"intensity": [COUNTS, COUNTS]}, "an image or a map"),
        ({"units": "rad"}, "states its angles in rad"),
        ({"attributes": {"axes": "q"}}, "no NXdata with one intensity over 2θ"),
    ],
)
def test_nexus_of_other_data_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ScanError, match=says):
        nexus.read(nexus_file(**changes), "a")


def test_nexus_without_h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ScanError, match=r"pip install 'bragglens\[nexus\]'"):
        nexus.read(b"\x89HDF\r\n\x1a\n", "a")


def test_the_reader_of_refused_formats_takes_no_powder_scans() -> None:
    assert not refused.recognises(MADE["text"]["xy"])
    assert not refused.recognises(b"RAW data of my thesis\n1 2\n")
    assert list(breaches(READERS["refused"], b"RAW_1.06\0")) == []


@pytest.mark.parametrize("title", ["data_2theta counts", "*TYPE = mine", "RAW data", "FILE: x", "BANK 1 of sand"])
def test_titles_in_text_are_not_taken_for_other_formats(title: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(title.encode() + b"\n" + MADE["text"]["xy"])
    assert read_scan(tmp_path / "a.txt").counts.tolist() == COUNTS


def test_all_line_endings_are_read() -> None:
    for reader in ("rigaku_ras", "rigaku_dat", "philips_udf", "bruker_uxd"):
        for end in (b"\n", b"\r"):
            data = next(iter(MADE[reader].values())).replace(b"\r\n", end)
            assert READERS[reader].recognises(data) or end == b"\r"
            assert READERS[reader].read(data, "a")[0].counts.tolist() == COUNTS


def test_brml_keeps_counts_that_the_program_corrected() -> None:
    assert READERS["bruker_brml"].read(brml(factor="8.3"), "a")[0].counts.tolist() == COUNTS


def test_a_second_sheet_is_found() -> None:
    first = "<worksheet><sheetData/></worksheet>"
    content = zipped({"xl/worksheets/sheet1.xml": first, "xl/worksheets/sheet2.xml": sheet(xlsx())})
    (scan,) = READERS["spreadsheet"].read(content, "a")
    assert scan.notes == ("took sheet 2 of 2",)


def sheet(workbook: bytes) -> bytes:
    return unpack.Archive(workbook).read("xl/worksheets/sheet1.xml").replace(b' t="s"', b"")
