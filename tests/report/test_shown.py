"""Reports and plots that answers and scans write themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import BragglensError
from bragglens.identification.answer import Finding, Identification
from bragglens.report.figures import title
from bragglens.report.trace import check_series
from bragglens.scan.scan import Scan

ANSWER = Identification(
    "a.xy", "m", "known", (Finding("rutile", 0.95, 100.0, 0.0, formula="TiO2"),), rwp=0.1, goodness=1
)


def test_an_answer_writes_its_report(tmp_path: Path) -> None:
    path = ANSWER.report(tmp_path / "a.html")
    text = path.read_text(encoding="utf-8")
    assert "<td>TiO2</td>" in text
    assert "<title>Phases in a.xy</title>" in text
    with pytest.raises(BragglensError, match=r"a\.pdf: a report is an HTML page"):
        ANSWER.report(tmp_path / "a.pdf")


@pytest.mark.parametrize("wavelength", [None, 1.5405929])
def test_a_scan_is_drawn(wavelength: float | None) -> None:
    angle = np.arange(10, 60, 0.02)
    (ax,) = Scan("$a$.xy", angle, 100 + angle, wavelength).plot().axes
    assert ax.get_title(loc="left") == "$a$.xy"
    assert ("1.5406" in ax.get_xlabel()) == (wavelength is not None)


def test_a_long_title_takes_two_lines() -> None:
    assert title("a.xy", "known, Rwp 8.4%") == "a.xy: known, Rwp 8.4%"
    assert max(map(len, title("x" * 90, "partly unknown, Rwp 8.4%").splitlines())) <= 61


def test_scans_that_are_not_a_series_are_refused() -> None:
    check_series([(10.0, 80.0)] * 3)
    for ends in ([], [(10.0, 80.0)] * 2, [(10.0, 80.0), (10.0, 80.0), (10.0, 90.0)]):
        with pytest.raises(BragglensError, match="do not form a series: give at least 3"):
            check_series(ends)
