"""Impossible points are left out with a note. Zero counts, clipped scans and smoothed scans are kept."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from made import packed_brml

from bragglens.errors import ScanError
from bragglens.scan.invalid_points import impossible
from bragglens.scan.read import read_scan, scans_in
from bragglens.scan.scan import Scan

AXIS = np.round(np.arange(10.0, 80.001, 0.05), 3)
LINES = ((27.4, 900), (36.1, 500), (41.2, 200), (54.3, 600), (56.6, 180), (69.0, 250))
FILLS = (-1.0, -100.0, -1000.0, -9999.0, 65535.0, 2.0**32 - 1, float("nan"), float("inf"))


def counted(background: float = 50.0, seed: int = 1) -> np.ndarray:
    """Counts of six lines with a width of 0.2°."""
    lines = sum(height / (1 + ((AXIS - at) / 0.1) ** 2) for at, height in LINES)
    return np.random.default_rng(seed).poisson(background + lines).astype(float)


def read(counts: np.ndarray, axis: np.ndarray = AXIS) -> Scan:
    text = "".join(f"{x:.3f} {y:.10g}\n" for x, y in zip(axis, counts, strict=True))
    return scans_in(text.encode(), "a.xy")[0]


def inside(first: float, last: float) -> np.ndarray:
    return np.abs(AXIS - (first + last) / 2) < (last - first) / 2 + 1e-6


def filled(counts: np.ndarray, first: float, last: float, value: float) -> np.ndarray:
    out = counts.copy()
    out[inside(first, last)] = value
    return out


@pytest.mark.parametrize("value", [*FILLS, 0.0])
@pytest.mark.parametrize(("first", "last"), [(35.0, 35.0), (45.05, 47.95), (60.05, 80.0), (10.0, 14.0), (27.35, 27.5)])
def test_fill_values_are_left_out(first: float, last: float, value: float) -> None:
    if 27 < first < 28 and value > 0:
        pytest.skip("a high value upon a line is a line, for all that the scan tells")
    scan = read(filled(counted(), first, last, value))
    gone = np.setdiff1d(AXIS, scan.two_theta)
    np.testing.assert_array_equal(gone, AXIS[inside(first, last)])
    many = gone.size > 0.2 * AXIS.size
    assert len(scan.notes) == 1 + many
    assert f"{gone[0]:g}" in scan.notes[-1]
    assert "left out" in scan.notes[-1]
    assert not many or scan.notes[0].startswith("29% of the points are left out")


@pytest.mark.parametrize("height", [600.0, 3000.0, 10000.0])
def test_a_spike_is_left_out(height: float) -> None:
    assert read(filled(counted(), 45.0, 45.0, height)).notes == (
        "1 point at 45° left out: spikes, narrower than any line of this scan",
    )


def test_a_repeated_last_value_is_left_out() -> None:
    counts = counted()
    scan = read(filled(counts, 60.05, 80.0, counts[np.searchsorted(AXIS, 60.0)]))
    assert scan.two_theta[-1] == pytest.approx(60.0, abs=0.06)
    assert "repeats for longer than the scan's noise allows" in scan.notes[-1]


def test_zeros_at_the_end_of_a_scan_of_few_counts() -> None:
    """A background of two counts has some zeros, but not four hundred in a row."""
    scan = read(filled(counted(2.0), 60.05, 80.0, 0.0))
    assert scan.two_theta[-1] == pytest.approx(60.0, abs=0.3)
    assert (scan.counts == 0).sum() > 50


def clipped(counts: np.ndarray) -> np.ndarray:
    """With the background subtracted and negative values set to zero, as in RRUFF's processed scans."""
    return np.maximum(counts - 60.0, 0.0)


def narrow_substrate() -> np.ndarray:
    """A reflection of a substrate, a twentieth of the width of the others and a thousand times as high."""
    return counted() + np.round(1e6 / (1 + ((AXIS - 33.0) / 0.005) ** 2))


KEPT = {
    "counts": counted(),
    "a background of zero": counted(0.0),
    "few counts": counted(0.3),
    "clipped at zero": clipped(counted()),
    "clipped far above the background": np.maximum(counted() - 90.0, 0.0),
    "background subtracted": counted() - 50.0,
    "subtracted and rounded": np.round((counted() - 50.0) / 20),
    "normalised": np.round(counted() / 11.0, 1),
    "whole percents": np.round(counted() / 11.0),
    "smoothed": np.round(np.convolve(counted(), np.full(9, 1 / 9), mode="same")[4:-4]),
    "every value four times": np.repeat(counted()[::4], 4),
    "calculated": sum(h * np.exp(-(((AXIS - at) / 0.1) ** 2)) for at, h in LINES).round(4),
    "calculated, on a step": 10 + sum(h * np.exp(-(((AXIS - at) / 0.1) ** 2)) for at, h in LINES).round(4),
    "lines of one point": np.where(np.arange(AXIS.size) % 97 == 50, 800.0, 0.0) + counted(5.0),
    "a substrate's line": narrow_substrate(),
    "equal": np.full(AXIS.size, 7.0),
}


def test_many_impossible_low_values_give_one_note() -> None:
    counts = counted()
    counts[100:200:10] = -(10.0 ** np.arange(5, 15))
    scan = read(counts)
    assert scan.notes == (
        "10 points between 15 and 19.5° left out: 10 values, -1e+14 the lowest, are far below all other intensities",
    )


@pytest.mark.parametrize("value", [1e29, -3e20, np.inf])
def test_values_that_no_detector_counts_are_left_out(value: float) -> None:
    counts = counted()
    counts[[100, 300]] = value
    assert read(counts).notes == ("2 points between 15 and 25° left out: no number",)


def test_denormal_numbers_become_zero() -> None:
    """They occur in damaged files and in the tails of calculated lines, and make processors slow."""
    counts = KEPT["calculated"].copy()
    counts[counts == 0] = 2e-41
    scan = read(counts)
    assert scan.counts.min() == 0


@pytest.mark.parametrize("kind", KEPT)
def test_valid_counts_are_kept(kind: str) -> None:
    assert impossible(KEPT[kind]) == []


def test_points_at_or_below_zero_are_left_out() -> None:
    scan = read(counted(), AXIS - 10.0)
    assert scan.two_theta[0] == pytest.approx(0.05)
    assert scan.notes == ("1 point at or below 0°: left out",)
    assert read(counted(), AXIS - 30.0).two_theta.size == 1000


def test_an_axis_around_zero_is_not_two_theta() -> None:
    with pytest.raises(ScanError, match="from -35 to 35, half of it at or below 0"):
        read(counted(), AXIS - 45.0)


def test_a_scan_with_few_valid_points_is_refused() -> None:
    with pytest.raises(ScanError, match="1361 of its 1401 points were not measured"):
        read(filled(counted(), 12.0, 80.0, -1.0))


def test_an_interrupted_brml() -> None:
    counts = filled(counted(), 60.0, 80.0, -9999.0)
    time = np.where(counts < 0, 0, 0.5)
    (scan,) = scans_in(packed_brml(AXIS, counts, time), "a.brml")
    assert scan.two_theta.tolist() == AXIS[:1000].tolist()
    assert scan.notes == ("401 of 1401 points were not measured (no time, or -9999 counts): left out",)
    (scan,) = scans_in(packed_brml(AXIS, np.where(counts < 0, 0, counts), time), "a.brml")
    assert scan.two_theta.size == 1000
    assert scans_in(packed_brml(AXIS, counted(), 0 * time), "a.brml")[0].two_theta.size == AXIS.size


# --- files of others ----------------------------------------------------------------------------------------------

OVERWRITTEN = {  # RockJock's library: lines of other minerals, or missing ranges, overwritten with one value
    "powdR_rockjock__KEROGEN_TYPE_II.csv": 53,
    "powdR_rockjock__MG_CHLORITE_CLINOCHLORE_WEB_PASS.csv": 41,
    "powdR_rockjock__SAKS_GLASS.csv": 231,
    "powdR_rockjock__TOBELITE.csv": 84,
}
DAMAGED = {  # zeros with neighbours of tens to thousands of counts
    "PSI_DMC_neutron.dat": 2,
    "FAP.XRA": 2,
    "Sample2.rd": 1,
    "geddes_sample.xy": 1,
    "xrdpattern_single.csv": 1,
}


def named(path: Path) -> int:
    """Number of points that the notes of a scan report as impossible."""
    notes = [note for note in read_scan(path).notes if " left out: " in note]
    return sum(int(note.split()[0]) for note in notes)


def test_measured_scans_keep_their_points(shared: Path) -> None:
    files = {shared / row["file"] for row in csv.DictReader((shared / "dev.csv").open())}
    assert {file.name: points for file in files if (points := named(file))} == OVERWRITTEN


def test_the_cases(shared: Path) -> None:
    folder = shared.parent / "cases" / "scans"
    if not folder.exists():
        pytest.skip("needs the shared cases")
    left = {path.stem: read_scan(path).two_theta.size for path in (folder / "fill_values").glob("*.xy")}
    gaps = {name: 1342 if name.startswith("gap") else 1001 if name.startswith("aborted") else 1400 for name in left}
    assert left == {**gaps, "full": 1401}
    stopped = read_scan(folder / "stopped_brml" / "stopped.brml")
    assert (stopped.two_theta[0], stopped.two_theta[-1], stopped.two_theta.size) == (10.0, 59.95, 1000)
    zero = folder / "start_at_zero"
    assert read_scan(zero / "zero.xy").two_theta.tolist() == read_scan(zero / "from_0.05.xy").two_theta.tolist()
    assert read_scan(zero / "negative.xy").two_theta[0] > 0


def test_a_scan_with_hardly_a_count_breaks_nothing() -> None:
    """Fewer values than the window that looks for their noise."""
    for count in (1, 3, 6):
        counts = np.zeros(50)
        counts[5 : 5 + count] = 0.05
        assert all(len(one.which) == 50 for one in impossible(counts))
