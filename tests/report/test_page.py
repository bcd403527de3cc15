import importlib.resources
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from bragglens.crystal.library import read_library
from bragglens.identify.identification import Finding, Identification
from bragglens.learn.model import Model
from bragglens.report.figures import samples_figure
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
        EVIL, "m", "mixture", (Finding("phase_0", 0.9, 70.0, 2.0), Finding("phase_1", 0.8)), PROBABILITIES, 0.04
    ),
    Identification("b.xy", "m", "unknown", (), PROBABILITIES, 0.8, wavelength=1.789, notes=("<b>angles descend</b>",)),
    Identification("c.xy", "m", None, error="c.xy: is <empty> & gone"),
]


class Reader(HTMLParser):
    """Refuses tags that do not close in order; gathers tags, attributes and words."""

    VOID = frozenset({"meta", "img"})

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
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page() -> str:
    figure = samples_figure(np.ones((1, GRID.size)), ["x"], GRID)
    return report_page(ANSWERS, [figure, None, None], title="T & <i>", intro="One.\n\nTwo <b>.", model=MODEL)


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def test_the_page_is_whole_and_runs_nothing(page: str, reader: Reader) -> None:
    assert "script" not in reader.tags
    assert not {"link", "iframe", "object", "i", "b"} & set(reader.tags)
    assert not re.search(r"https?://|url\(|@import", page)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    sources = [value for name, value in reader.attributes if name in ("src", "href")]
    assert sources
    assert all(value.startswith(("data:image/png;base64,", "#scan-")) for value in sources)


def test_every_text_is_literal(reader: Reader) -> None:
    assert EVIL in reader.text
    assert EVIL in dict(reader.attributes)["alt"]
    for text in ("T & <i>", "Two <b>.", "<b>angles descend</b>", "is <empty> & gone"):
        assert text in reader.text


def test_each_scan_has_verdict_probabilities_and_figure(reader: Reader) -> None:
    assert "2 phases of the library found: phase_0 (70.0 ± 2.0 wt%, probability 0.900) and phase_1" in reader.text
    assert "No phase of the library was found; the nearest is phase_0" in reader.text
    assert "This scan could not be judged: c.xy" in reader.text
    assert reader.tags.count("img") == 1
    assert "phase_4 0.100" in reader.text
    assert "phase_5" not in reader.text
    assert "The most probable 5 of 7 phases" in reader.text
    assert "something else 0.800" in reader.text
    assert "1.789 Å" in reader.text


def test_links_lead_to_the_scans(reader: Reader) -> None:
    wanted = [value[1:] for name, value in reader.attributes if name == "href"]
    assert wanted == ["scan-1", "scan-2", "scan-3"]
    assert wanted == [value for name, value in reader.attributes if name == "id"]


def test_the_page_says_what_was_assumed(reader: Reader) -> None:
    for text in (
        "five.bragglens",
        "5 phases: anatase, brookite, rutile, tio2_B, tio2_II",
        MODEL.library.hash[:12],
        "5–90° 2θ in steps of 0.02° at 1.5406 Å",
        "crystallite size 4–500 nm",
        "zero error 0 ± 0.05 °",
        "exact set simulated 0.7578",
        "bragglens 9.8.7",
    ):
        assert text in reader.text


def test_a_model_that_says_little_of_itself_is_not_known() -> None:
    bare = Model(MODEL.library, MODEL.preparation, "softmax", b"")
    assert report_page(ANSWERS, [None] * 3, title="", intro="", model=bare).count("<dd>not known</dd>") == 3


def test_ten_figures_stay_small() -> None:
    noise = np.random.default_rng(0).normal(size=(2, GRID.size))
    figures = [samples_figure(noise, ["x", "y"], GRID) for _ in range(10)]
    assert len(report_page(ANSWERS[:1] * 10, figures, title="t", intro="", model=MODEL)) < 2e6


def test_a_figure_too_few_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        report_page(ANSWERS, [None], title="t", intro="", model=MODEL)
