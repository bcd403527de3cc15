"""Every value in every page is escaped: a name that looks like HTML or like a template is shown unchanged."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError

from bragglens.crystal.library import Library
from bragglens.fit.residual import Peak
from bragglens.identification.answer import Identification, Rietveld
from bragglens.identification.identify import identify
from bragglens.learn.model import Model
from bragglens.report.growing import GrowingReport
from bragglens.report.markup import markup
from bragglens.report.page import report_page
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

EVIL = "<img src=x onerror=alert(1)>\"'><script>{{7*7}}{% raw %}&amp;"
PHASE, FILE = f"phase {EVIL}", f"file {EVIL}.xy"
DATA = "data:image/png;base64,"


class Reader(HTMLParser):
    """Collects tags, attributes and words; fails at anything that a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.words += "".join(f" {value} " for name, value in attrs if name in ("aria-label", "alt", "title"))
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]
        found = dict(attrs)
        assert tag != "img" or (found["src"] or "").startswith(DATA)
        assert tag != "script" or found.get("type") in ("module", "application/octet-stream")

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.words += data


def read(page: str) -> str:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return " ".join(reader.words.split())


@pytest.fixture(scope="module")
def library(titania: Library) -> Library:
    return Library((replace(titania["rutile"], name=PHASE),))


@pytest.fixture(scope="module")
def fitted(library: Library) -> Identification:
    """A scan with everything that an answer can contain, all of it hostile."""
    grid, lines = Grid(20.0, 60.0, 0.04), emission("CuKa")
    (rutile,) = reflections_in_range(library.phases, lines, grid)
    clean = pattern(rutile, Instrument(lines), Specimen(), grid)
    counts = np.random.default_rng(0).poisson(2000 * clean / clean.max() + 50)
    scan = Scan(FILE, grid.two_theta, counts.astype(float), wavelength=1.5405929, notes=(f"note {EVIL}",))
    answer = identify(scan, library)
    (found,) = answer.phases
    found = replace(found, rivals=(f"rival {EVIL}",), formula=f"formula {EVIL}", space_group=f"group {EVIL}")
    return replace(
        answer,
        model=f"model {EVIL}",
        phases=(found,),
        unexplained_peaks=(Peak(30.0, 2.9, 0.1),),
        detection_limits={f"limit {EVIL}": 1.0},
        probabilities={PHASE: 0.9, f"probable {EVIL}": 0.4},
        rietveld=Rietveld(error=f"rietveld {EVIL}"),
        options={"standard": (f"standard {EVIL}", 20.0), "instrument": f"instrument {EVIL}"},
    )


FAILED = Identification(f"gone {EVIL}", "m", None, error=f"error {EVIL}")
ALONE = Identification(f"alone {EVIL}", "m", "unknown", (), {PHASE: 0.2}, 0.4)
SAID = ("file", "phase", "note", "rival", "formula", "group", "model", "limit", "probable", "rietveld", "standard",
        "instrument")  # fmt: skip


def one_page(fitted: Identification, library: Library, _: Path) -> str:
    return report_page([fitted], library, title=f"title {EVIL}", intro=f"intro {EVIL}")


def of_a_batch(fitted: Identification, library: Library, _: Path) -> str:
    model = Model(
        library,
        Preparation(Grid(5, 90, 0.02), 1.54, "sqrt"),
        "sigmoid",
        b"",
        network_name=f"network {EVIL}",
        recipe={"wavelength": f"recipe {EVIL}"},
        scores={f"score {EVIL}": 0.5},
        versions={f"version {EVIL}": "1"},
        name=f"name {EVIL}",
    )
    return report_page([fitted, FAILED, ALONE], model, title=f"title {EVIL}", intro=f"intro {EVIL}")


def grown(fitted: Identification, library: Library, folder: Path) -> str:
    growing = GrowingReport(folder / "r.html", library, title=f"title {EVIL}", intro=f"intro {EVIL}", series=False)
    for answer in (fitted, FAILED):
        growing.add(answer)
    (partial,) = folder.glob("*.partial.html")
    read(partial.read_text(encoding="utf-8"))
    growing.close([fitted, FAILED])
    return (folder / "r.html").read_text(encoding="utf-8")


PAGES: list[tuple[Callable[[Identification, Library, Path], str], tuple[str, ...]]] = [
    (one_page, (*SAID, "title", "intro")),
    (of_a_batch, (*SAID, "title", "intro", "gone", "error", "alone", "network", "recipe", "score", "version", "name")),
    (grown, (*SAID, "title", "intro", "gone", "error")),
    (lambda fitted, *_: fitted._repr_html_(), ("file", "phase", "rival", "formula", "group")),
]


@pytest.mark.parametrize(("page", "said"), PAGES)
def test_hostile_text_is_shown_unchanged(
    page: Callable[[Identification, Library, Path], str],
    said: tuple[str, ...],
    fitted: Identification,
    library: Library,
    tmp_path: Path,
) -> None:
    words = read(page(fitted, library, tmp_path))
    assert [what for what in said if f"{what} {EVIL}" not in words] == []


def test_control_characters_and_line_breaks_do_not_reach_a_page() -> None:
    page = report_page([Identification("a\x1b[31m\n\u202eb.xy", "m", None, error="x\r\ny")], None, title="t\nu")
    assert not re.search("[\x1b\u202e]", page)
    assert "<title>t u</title>" in page
    assert "x y" in page


def test_an_escaped_text_is_not_trusted_because_a_template_made_it() -> None:
    """Text from outside stays text when one template includes it in another."""
    page = markup(
        "notebook.html", file=FILE, sentence="", phases=[], fractions_of="", figure={"error": EVIL, "png": ""}
    )
    assert page.count("<script") == page.count("onerror=alert(1)>") == 0


def test_no_template_skips_escaping() -> None:
    templates = files("bragglens.report") / "templates"
    texts = {one.name: one.read_text(encoding="utf-8") for one in templates.iterdir()}
    assert len(texts) >= 7
    assert [name for name, text in texts.items() if re.search(r"\|\s*safe|autoescape|\bon[a-z]+=", text)] == []


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="sentence"):
        markup("notebook.html", file="a.xy")


def test_an_answer_without_a_page_needs_no_templates() -> None:
    code = (
        "import sys, bragglens, bragglens.cli, bragglens.report.details, bragglens.identification.identify; "
        "print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
