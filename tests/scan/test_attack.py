"""Hostile files: kilobytes that expand to gigabytes, links out of the file, and invalid names."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import ScanError
from bragglens.scan import assemble, markup, unpack
from bragglens.scan.read import read_scan, scans_in

QUICK = 5.0  # seconds of processor time on a busy machine; 20 to 60 without a limit


def zipped(**members: str) -> bytes:
    """A zip file of XML members. `__` in a name stands for a slash."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/") + ".xml", text)
    return content.getvalue()


def workbook(row: str, rows: int = 1, sheets: int = 1, text: str = "a") -> bytes:
    """Sheets with equal rows and one shared text."""
    table = f"<worksheet><sheetData>{('<row>' + row + '</row>') * rows}</sheetData></worksheet>"
    pages = {f"xl__worksheets__sheet{number}": table for number in range(1, sheets + 1)}
    return zipped(xl__workbook="<a/>", xl__sharedStrings=f"<sst><si><t>{text}</t></si></sst>", **pages)


def measurements(inside: str) -> bytes:
    return f"<xrdMeasurements>{inside}</xrdMeasurements>".encode()


def brml(routes: str, files: int = 1) -> bytes:
    raw = f"<RawData>{routes}</RawData>"
    return zipped(**{f"Experiment0__RawData{number}": raw for number in range(files)})


SHARED = "<c t='s'><v>0</v></c>"
POINTS = " ".join(map(str, range(60)))
SCAN = (
    "<scan><dataPoints><positions axis='2Theta'><startPosition>10</startPosition><endPosition>80</endPosition>"
    f"</positions><intensities>{POINTS}</intensities></dataPoints></scan>"
)
AXIS = "<ScanInformation><ScanAxes><ScanAxisInfo AxisId='TwoTheta'/></ScanAxes></ScanInformation>"
ROUTE = f"<DataRoute>{AXIS}{''.join(f'<Datum>1,1,{10 + i},{i},{i % 7}</Datum>' for i in range(4))}</DataRoute>"

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "xlsx, one text of 8 MB in a row": (lambda: workbook(SHARED * 256, text="a " * 4 * 2**20), "a text of 8388608"),
    "xlsx, 200,000 texts": (lambda: workbook(SHARED * 200, 9, text="a" * 4 * 2**20), "a text of 4194304"),
    "xlsx, 200,000 texts of 32 kB": (lambda: workbook(SHARED * 200, 9, text="a " * 16_000), "expands to more"),
    "xlsx, texts over many sheets": (lambda: workbook(SHARED * 100, 1, 40, text="a " * 16_000), "expands to more"),
    "xlsx, rows of one cell far to the right": (lambda: workbook("<c r='IV1'><v>1</v></c>", 9_000), "expands to more"),
    "xlsx, empty rows": (lambda: workbook("", 210_000), "expands to more"),
    "xlsx, a million cells": (lambda: workbook("<c/>" * 260_000), "over 250000 XML elements"),
    "xlsx, elements over many sheets": (lambda: workbook("<c/>" * 90_000, 1, 3), "over 250000 XML elements"),
    "xlsx, nested": (
        lambda: zipped(xl__workbook="<a/>", xl__worksheets__sheet1="<si>" * 9999 + "</si>" * 9999),
        "nested over 64 deep",
    ),
    "xrdml, measurements within measurements": (
        lambda: measurements("<xrdMeasurement>" * 1000 + "<scan/>" * 20_000 + "</xrdMeasurement>" * 1000),
        "nested over 64 deep",
    ),
    "xrdml, scans within scans": (
        lambda: measurements("<xrdMeasurement>" + "<scan>" * 9_000 + "</scan>" * 9_000 + "</xrdMeasurement>"),
        "nested over 64 deep",
    ),
    "xrdml, nested as deep as may be": (
        lambda: measurements("<xrdMeasurement>" * 50 + "<scan/>" * 20_000 + "</xrdMeasurement>" * 50),
        "holds no points",
    ),
    "xrdml, a million elements": (lambda: measurements("<a/>" * 260_000), "over 250000 XML elements"),
    "xrdml, a million attributes": (lambda: measurements("<a b=''/>" * 260_000), "over 250000 XML elements"),
    "xrdml, scans without end": (
        lambda: measurements(f"<xrdMeasurement>{SCAN * 101}</xrdMeasurement>"),
        "over 100 scans",
    ),
    "brml, routes without end": (lambda: brml(ROUTE * 101), "over 100 scans"),
    "brml, elements over many files": (lambda: brml("<a/>" * 90_000, 3), "over 250000 XML elements"),
    "text, ranges without end": (
        lambda: ("".join(f"{10 + i} {i % 7}\n" for i in range(50)) * 101).encode(),
        "over 100 scans",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_at_once(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, says = BOMBS[bomb]
    monkeypatch.setattr(assemble, "MOST_SCANS", 100)  # smaller bombs for smaller bounds, to keep the test fast
    monkeypatch.setattr(markup, "MOST_MARKS", 250_000)
    monkeypatch.setattr(unpack, "MOST_MARKS", 250_000)
    content, begun = make(), time.process_time()
    with pytest.raises(ScanError, match=says) as refused:
        scans_in(content, "a.xlsx")
    assert time.process_time() - begun < QUICK
    assert str(refused.value).startswith("a.xlsx: ")
    assert "\n" not in str(refused.value)


def test_a_file_within_the_limits_is_read() -> None:
    assert len(scans_in(measurements(f"<xrdMeasurement>{SCAN * 20}</xrdMeasurement>"), "a.xrdml")) == 20
    table = "".join(f"<row><c><v>{10 + i}</v></c><c><v>{i % 7}</v></c></row>" for i in range(60))
    book = zipped(xl__workbook="<a/>", xl__worksheets__sheet1=f"<a><sheetData>{table}</sheetData></a>")
    assert scans_in(book, "a.xlsx")[0].counts.tolist() == [i % 7 for i in range(60)]


ODD_NAMES = ("²", "1²", "9" * 4301, "9" * 60_000, "٣", "a" * 245)


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: name[:5])
@pytest.mark.parametrize(
    "place", ["xl__worksheets__sheet{}", "Data{}__Profile{}", "{}__RawData{}", "Data0__MesurementConditions{}"]
)
def test_unusual_names_in_an_archive_are_accepted(place: str, name: str) -> None:
    """They were once taken for numbers, which gave a ValueError."""
    member = place.format(name[: 30_000 // place.count("{}")], name[: 30_000 // place.count("{}")])
    others = {"xl__workbook": "<a/>", "Experiment0__RawData0": "<a/>", "Data0__MesurementConditions0": "<a/>"}
    with pytest.raises(ScanError) as refused:
        scans_in(zipped(**{**others, member: "<a/>"}), "a")
    assert len(str(refused.value)) < 300


def test_members_are_in_the_order_of_their_numbers() -> None:
    huge = "9" * 5000
    names = ["Data2__a", "Data10__a", "Data1__a", "Data01__b", f"Data{huge}__a", "Data__a"]
    listed = unpack.Archive(zipped(**dict.fromkeys(names, ""))).names(".*")
    assert [name.removeprefix("Data").split("/")[0] for name in listed] == ["", "01", "1", "2", "10", huge]


def test_a_member_with_another_compression_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("Experiment0/RawData0.xml", "<a/>")
    with pytest.raises(ScanError, match="compressed in an unusual way"):
        scans_in(content.getvalue(), "a.brml")


# --- HDF5 -------------------------------------------------------------------------------------------------------


def hdf5(path: Path, change: Callable[..., object]) -> Path:
    """A file of one scan after a change. `change` gets the file, its NXdata, and h5py."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs["default"] = "data"
        data = entry.create_group("data")
        data.attrs["signal"], data.attrs["axes"] = "intensity", "two_theta"
        data["two_theta"] = np.linspace(10, 80, 60)
        data["two_theta"].attrs["units"] = "degree"
        data["intensity"] = np.arange(60) % 7
        change(file, data, h5py)
    return path


def external(place: str) -> Callable[..., None]:
    def change(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        del data["intensity"]
        data.create_dataset("intensity", shape=(60,), dtype="u1", external=[(place, 0, 60)])

    return change


def virtual(place: str) -> Callable[..., None]:
    def change(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        layout = h5py.VirtualLayout(shape=(60,), dtype="f8")
        layout[:] = h5py.VirtualSource(place, "counts", shape=(60,))
        del data["intensity"]
        data.create_virtual_dataset("intensity", layout)

    return change


def linked(place: str) -> Callable[..., None]:
    def change(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        del data["intensity"]
        data["intensity"] = h5py.ExternalLink(place, "/counts")

    return change


@pytest.mark.parametrize("change", [external, virtual, linked])
def test_no_other_file_is_read(change: Callable[[str], Callable[..., None]], tmp_path: Path) -> None:
    """The other file is a pipe: opening it would wait forever."""
    secret = tmp_path / "secret"
    os.mkfifo(secret)
    path = hdf5(tmp_path / "a.nxs", change(str(secret)))
    with pytest.raises(ScanError, match=r"a\.nxs: (refers to data|has links).*not opened"):
        read_scan(path)


@pytest.mark.parametrize("change", [external, virtual, linked])
def test_no_other_file_is_read_for_metadata(change: Callable[[str], Callable[..., None]], tmp_path: Path) -> None:
    def beside(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        group = file.create_group("deep/in/the/file")
        group["intensity"] = 1.0
        change(str(tmp_path / "secret"))(file, group, h5py)

    with pytest.raises(ScanError, match="not opened"):
        read_scan(hdf5(tmp_path / "a.nxs", beside))


def loop_of_soft(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
    for i in range(12):
        group = file.create_group(f"g{i}")
        for k in range(12):
            group[f"to{k}"] = h5py.SoftLink(f"/g{k}")


def loop_of_hard(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
    data["back"] = file["entry"]


def link_to_itself(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
    data["self"] = h5py.SoftLink("/entry/data")


@pytest.mark.parametrize("change", [loop_of_soft, loop_of_hard, link_to_itself])
def test_circular_links_are_refused(change: Callable[..., None], tmp_path: Path) -> None:
    path, begun = hdf5(tmp_path / "a.nxs", change), time.process_time()
    with pytest.raises(ScanError, match="has circular links"):
        read_scan(path)
    assert time.process_time() - begun < QUICK


def test_links_within_the_file_are_followed(tmp_path: Path) -> None:
    def change(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        detector = file.create_group("entry/instrument/detector")
        detector["counts"] = data["intensity"][()]
        del data["intensity"]
        data["intensity"] = h5py.SoftLink("/entry/instrument/detector/counts")
        data["again"] = detector["counts"]
        file["plot"] = h5py.SoftLink("/entry/data")
        file["nowhere"] = h5py.SoftLink("/not/there")
        file["entry/instrument/source/k_alpha_one"] = 1.5406

    scan = read_scan(hdf5(tmp_path / "a.nxs", change))
    assert scan.counts.tolist() == [i % 7 for i in range(60)]
    assert scan.wavelength == 1.5406


def test_too_many_links_are_refused(tmp_path: Path) -> None:
    def change(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        for i in range(10_001):
            data[f"l{i}"] = h5py.SoftLink("/nowhere")

    with pytest.raises(ScanError, match="over 10000 items"):
        read_scan(hdf5(tmp_path / "a.nxs", change))


def test_a_value_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    def change(file, data, h5py) -> None:  # type: ignore[no-untyped-def]
        file.create_dataset("huge", shape=(1,), dtype="S1000000000")
        file.create_dataset("chunk", shape=(1,), maxshape=(None,), chunks=(2**28,), dtype="f8")

    assert read_scan(hdf5(tmp_path / "a.nxs", change)).counts.size == 60
