"""Series: scans side by side, their positions, and scans that do not form a series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from full_disk import full_disk

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.sketch import Sketch
from bragglens.report.growing import GrowingReport
from bragglens.report.series import series_figure
from bragglens.report.trace import Trace, same_axis, trace_of
from bragglens.scan.pattern import Grid, Pattern
from bragglens.simulate.instrument import Instrument, emission

GRID = Grid(10.0, 50.0, 0.02)


def scan(number: int, count: int, grid: Grid = GRID, **metadata: str) -> Identification:
    """A peak at 20° that decreases while one at 40° grows."""
    share = number / (count - 1)
    peaks = [np.exp(-(((grid.two_theta - middle) / 0.2) ** 2)) for middle in (20.0, 40.0)]
    intensity = 100 + 1000 * ((1 - share) * peaks[0] + share * peaks[1])
    names = (Finding("old", 0.9, 100 * (1 - share), 2.0), Finding("new", 0.9, 100 * share, 2.0))
    pattern = Pattern(grid, intensity, np.ones(grid.size, bool))
    sketch = Sketch(pattern, 1.5406, Instrument(emission("CuKa")), (), named=True)
    found = tuple(one for one in names if one.weight_percent)
    return Identification(
        f"{number}.xy", "m", "mixture", found, rwp=0.05, unexplained=0.02, sketch=sketch, metadata=metadata
    )


def traces(answers: list[Identification]) -> list[Trace | None]:
    return [trace_of(replace(answer, phases=())) for answer in answers]


def drawn(answers: list[Identification]):
    return series_figure(answers, traces(answers)).axes


def test_the_map_is_above_the_fractions() -> None:
    answers = [scan(i, 7) for i in range(7)]
    answers[3] = replace(answers[3], sketch=None, verdict=None, phases=(), error="gone")
    top, shares, left = drawn(answers)[:3]
    mesh = top.collections[0].get_array()
    height, columns = mesh.shape
    assert columns == 7
    assert np.ma.getmaskarray(np.ma.masked_invalid(mesh))[:, 3].all()
    for column, angle in ((0, 20.0), (6, 40.0)):
        assert 10 + 40 * mesh[:, column].argmax() / height == pytest.approx(angle, abs=0.2)
    assert [text.get_text() for text in shares.get_legend().get_texts()] == ["old", "new"]
    values = {box.get_label(): box.lines[0].get_ydata() for box in shares.containers}
    assert values["old"][0] == 100.0
    assert np.isnan(values["old"][[3, 6]]).all()
    assert values["new"][5] == pytest.approx(100 * 5 / 6)
    assert left.get_xlabel() == "scan"
    assert top.get_xlim() == shares.get_xlim() == left.get_xlim()


def test_scans_are_placed_by_time_or_temperature() -> None:
    timed = [scan(i, 4, started=f"2026-01-01T10:{m:02}:00") for i, m in enumerate((0, 5, 20, 30))]
    last = drawn(timed)[2]
    assert last.get_xlabel() == "time (min)"
    assert last.lines[0].get_xdata().tolist() == [0, 5, 20, 30]
    heated = [scan(i, 4, started="14/03/88", temperature=f"{300 + 50 * i} K") for i in range(4)]
    assert drawn(heated)[2].lines[0].get_xdata().tolist() == [300, 350, 400, 450]
    back = [scan(i, 4, temperature=f"{t} K") for i, t in enumerate((300, 400, 350, 300))]
    assert drawn(back)[2].get_xlabel() == "scan"


def test_scans_of_different_ranges_are_not_a_series() -> None:
    mixed = [scan(0, 3), scan(1, 3), scan(2, 3, Grid(10.0, 80.0, 0.02))]
    assert not same_axis(traces(mixed))
    with pytest.raises(BragglensError, match="these 3 scans do not form a series"):
        drawn(mixed)
    with pytest.raises(BragglensError, match="these 2 scans do not form a series"):
        drawn([scan(0, 2), scan(1, 2)])


def test_a_growing_report_is_readable_at_any_time(titania: Library, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    growing = GrowingReport(path, titania, title="t", intro="", series=True)
    answers = [scan(i, 5) for i in range(5)]
    (partial,) = tmp_path.glob("r.*.partial.html")
    for answer in answers:
        growing.add(replace(answer, phases=()))
        assert f"<h2>{answer.file}</h2>" in partial.read_text()
    assert not path.exists()
    growing.close(answers[:4])  # the fifth was being written when the batch was stopped
    text = path.read_text()
    assert not partial.exists()
    assert text.count("<section id=") == text.count('<a href="#scan-') == 4
    assert "4.xy" not in text
    assert text.index("data:image/png;base64,") < text.index("<section id=")
    assert text.endswith("</html>\n")


def test_a_full_disk_leaves_no_report(titania: Library, tmp_path: Path) -> None:
    for fails in ("add", "close"):
        growing = GrowingReport(tmp_path / "r.html", titania, title="t", intro="", series=False)
        if fails == "close":
            growing.add(replace(scan(0, 2), phases=()))
        with full_disk(), pytest.raises(BragglensError, match=r"r\.html: cannot be written \(no space left"):
            growing.add(replace(scan(0, 2), phases=())) if fails == "add" else growing.close([scan(0, 2)])
        assert list(tmp_path.iterdir()) == []
