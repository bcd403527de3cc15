import base64
import hashlib
import importlib.metadata
import importlib.resources
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bragglens.crystal.cell import Cell
from bragglens.crystal.library import read_library
from bragglens.fit.residual import Peak
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import Model
from bragglens.policy import DEFAULT
from bragglens.report.page import report_page
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation
from bragglens.simulate.recipe import Recipe

GRID = Grid(5, 90, 0.02)
MODEL = Model(
    read_library(importlib.resources.files("bragglens") / "data" / "titania"),
    Preparation(GRID, 1.5405929, "sqrt"),
    "sigmoid",
    b"",
    recipe=Recipe().to_dict(),
    scores={"exact_set_simulated": 0.75781},
    versions={"bragglens": "9.8.7"},
    name="five.bragglens",
)
PROBABILITIES = {f"phase_{i}": p for i, p in enumerate((0.9, 0.8, 0.3, 0.2, 0.1, 0.05, 0.02))}
EVIL = "<script>alert('x')<script>\".xy"
ANSWERS = [
    Identification(
        EVIL, "m", "tentative", (Finding("phase_0", 0.9, 70.0, 2.0), Finding("phase_1", 0.8)), PROBABILITIES, 0.04
    ),
    Identification("b.xy", "m", "unknown", (), PROBABILITIES, 0.8, wavelength=1.789, notes=("<b>angles descend</b>",)),
    Identification("c.xy", "m", None, error="c.xy: is <empty> & gone"),
]


class Reader(HTMLParser):
    """Refuses tags that do not close in order; collects tags, attributes and words."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def page() -> str:
    return report_page(ANSWERS, MODEL, title="T & <i>", intro="One.\n\nTwo <b>.")


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    return read(page)


def test_the_page_is_self_contained(page: str, reader: Reader) -> None:
    assert not {"link", "iframe", "object", "i", "b", "img"} & set(reader.tags)
    assert not re.search(r"https?://|url\((?!#)|@import|fetch\(|XMLHttp", page)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "style"]
    sources = [value for name, value in reader.attributes if name in ("src", "href")]
    assert sources
    assert all(value.startswith("#scan-") for value in sources)


def test_the_policy_allows_the_pages_own_script_and_style_alone(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, rule in (("style", "style-src"), ('script type="module"', "script-src")):
        text = re.search(rf"<{tag}>(.*?)</(style|script)>", page, flags=re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_every_text_is_literal(reader: Reader) -> None:
    assert EVIL in reader.text
    for text in ("T & <i>", "Two <b>.", "<b>angles descend</b>", "is <empty> & gone"):
        assert text in reader.text


def test_each_scan_has_verdict_probabilities_and_figure(reader: Reader) -> None:
    assert "Probable, not certain: phase_0 (70.0 ± 2.0 wt%, probability 0.900) and phase_1" in reader.text
    assert "No phase of the library was found; the nearest is phase_0" in reader.text
    assert f"the whole answer has a probability of at least {DEFAULT.sure}; else tentative" in reader.text
    assert "This scan could not be identified: c.xy" in reader.text
    assert "phase_4 0.100" in reader.text
    assert "phase_5" not in reader.text
    assert "The most probable 5 of 7 phases" in reader.text
    assert "phase outside the library 0.800" in reader.text
    assert "1.789 Å" in reader.text


TETRAGONAL = Cell(3.785, 3.785, 9.514, 90.0, 90.0, 90.0, "tetragonal")
FITTED = Identification(
    "d.xy",
    "m",
    "partly unknown",
    (Finding("<anatase>", 0.998, 61.2, 1.5, ("rutile",), 0.31, 812.0, 0.078, 0.32, TETRAGONAL, 61.0),),
    PROBABILITIES,
    0.04,
    unexplained=0.125,
    unexplained_peaks=tuple(Peak(20.0 + i, 4.0 - i / 10, 0.001 * i) for i in range(7)),
    rwp=0.084,
    goodness=1.3,
    amorphous_percent=12.0,
    amorphous_percent_error=4.0,
    detection_limits={"<brookite>": 0.8, "rutile": 0.3},
    wavelength=1.5406,
    options={"particle_size": 0.5, "standard": ("<corundum>", 20.0)},
)


def test_a_fitted_scan_is_complete() -> None:
    found = read(report_page([FITTED], MODEL, title="t"))
    for text in (
        "<anatase> or rutile 61.2 ± 1.5 a 3.785, c 9.514 61 0.998",
        "<anatase> or rutile 61.2 ± 1.5 0.998 0.310 812 7.8% 32.0% 61",
        "<anatase> and rutile explain this scan about equally well",
        "wt% of the whole sample; ± is half of the 95% interval",
        "Rwp 8.4%, goodness of fit 1.3",
        "amorphous, or none of these: 12.0 ± 4.0 wt%",
        "12.5% of the intensity of all peaks, 7 peaks",
        "26.00 3.400 0.6%",
        "20.00 4.000 0.0%",
        "rutile 0.3 <brookite> 0.8",
        "grains of 0.5 µm as stated; standard <corundum>, 20 wt% added",
        "Before the fit",
    ):
        assert text in found.text
    assert found.tags.count("details") == 4  # many peaks, limits, evidence and network are folded


def test_few_unexplained_peaks_are_not_folded() -> None:
    few = replace(FITTED, unexplained_peaks=FITTED.unexplained_peaks[:2], detection_limits=None)
    found = read(report_page([few], MODEL, title="t"))
    assert found.tags.count("details") == 2
    assert "21.00 3.900 0.1%" in found.text


def test_links_lead_to_the_scans(reader: Reader) -> None:
    wanted = [value[1:] for name, value in reader.attributes if name == "href"]
    assert wanted == ["scan-1", "scan-2", "scan-3"]
    assert wanted == [value for name, value in reader.attributes if name == "id"]


def test_the_page_lists_assumptions(reader: Reader) -> None:
    for text in (
        "five.bragglens",
        "5 phases: anatase, brookite, rutile, tio2_B, tio2_II",
        MODEL.library.hash,
        "5–90° 2θ in steps of 0.02° at 1.5406 Å",
        "crystallite size 4–500 nm",
        "zero error 0 ± 0.05 °",
        "exact set simulated 0.7578",
        "Trained with bragglens 9.8.7",
        f"Answered with bragglens {importlib.metadata.version('bragglens')}",
    ):
        assert text in reader.text


def test_missing_model_data_are_not_known() -> None:
    bare = Model(MODEL.library, MODEL.preparation, "softmax", b"")
    assert report_page(ANSWERS, bare, title="").count("<dd>not known</dd>") == 3


def test_a_proposer_is_its_model_or_its_library() -> None:
    for asked in (MODEL, MODEL.library):
        assert report_page(ANSWERS, proposer_of(asked), title="") == report_page(ANSWERS, asked, title="")


def test_a_library_without_a_model_names_the_matcher() -> None:
    text = read(report_page([FITTED], MODEL.library, title="t")).text
    assert "5 structures, by the matcher and the fit" in text
    assert MODEL.library.hash in text
    assert "Trained" not in text


def test_an_error_is_shown_in_overview_and_section(reader: Reader) -> None:
    assert reader.text.count("c.xy: is <empty> & gone") == 2
