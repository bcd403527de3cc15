"""The report in a browser, from a file, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.identification.answer import Identification
from bragglens.identification.identify import identify
from bragglens.report.page import report_page
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

LINES = emission("CuKa")
GRID = Grid(20.0, 60.0, 0.02)


@pytest.fixture(scope="module")
def answer(titania: Library) -> Identification:
    """Anatase, rutile, and a peak at 33° of neither."""
    crystals = dict(zip(titania.names, reflections_in_range(titania.phases, LINES, GRID), strict=True))
    clean = sum(0.5 * pattern(crystals[name], Instrument(LINES), Specimen(), GRID) for name in ("anatase", "rutile"))
    strange = 0.3 * np.exp(-(((GRID.two_theta - 33.0) / 0.06) ** 2))
    counts = np.random.default_rng(1).poisson(3000 * (clean / clean.max() + strange) + 100)
    scan = Scan("two <phases>.xy", GRID.two_theta, counts.astype(float), wavelength=LINES[0].wavelength)
    return identify(scan, titania)


@pytest.fixture(scope="module")
def path(answer: Identification, titania: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "answer.html"
    path.write_text(report_page([answer], titania, title="Two phases"), encoding="utf-8")
    return path


def opened(browser: Any, path: Path, **options: Any) -> Any:
    """The page; its list `events` holds all its network requests and errors."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True, **options})
    page = context.new_page()
    page.events = []
    page.on("console", lambda message: page.events.append(message.text))
    page.on("pageerror", lambda error: page.events.append(str(error)))
    page.on("request", lambda request: page.events.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    page = opened(browser, path)
    page.wait_for_selector("figure.live")
    yield page
    assert page.events == []
    page.context.close()


def outline(page: Any, kind: str) -> str:
    return page.locator(f"path.{kind}").first.get_attribute("d")


def angles(page: Any) -> list[float]:
    """The labels of the axis."""
    texts = page.locator("svg text[text-anchor=middle]").all_text_contents()
    return [float(text) for text in texts if re.fullmatch(r"[\d.]+", text)]


def tick(page: Any, two_theta: float) -> float:
    """Pixel of an angle, from two labels of the axis."""
    marks = [one for one in page.locator("svg text[text-anchor=middle]").all() if one.text_content() != "2θ (°)"]
    boxes = [(float(one.text_content()), one.bounding_box()) for one in (marks[0], marks[-1])]
    (low, left), (high, right) = [(angle, box["x"] + box["width"] / 2) for angle, box in boxes]
    return left + (two_theta - low) / (high - low) * (right - left)


def test_the_plot_shows_its_reflections(page: Any) -> None:
    for kind in ("observed", "calculated", "background", "difference", "mark"):
        assert len(outline(page, kind)) > (15 if kind == "mark" else 1000), kind
    row = page.locator("text.name", has_text="rutile").bounding_box()
    # Bragg's law for rutile's 110, a = 4.594 Å
    bragg = 2 * np.degrees(np.arcsin(LINES[0].wavelength / (2 * 4.594 / np.sqrt(2))))
    page.mouse.move(tick(page, bragg), row["y"] + 18)
    text = page.locator(".tip").inner_text()
    assert "rutile (1 1 0) at 27.4" in text
    assert "d 3.2" in text
    page.mouse.move(tick(page, 33.0), row["y"] - 100)
    assert "unexplained: 33.0" in page.locator(".tip").inner_text()


def test_a_range_is_chosen_by_dragging_and_left_by_key(page: Any) -> None:
    whole, box = angles(page), page.locator("svg").bounding_box()
    page.mouse.move(tick(page, 26.0), box["y"] + 100)
    page.mouse.down()
    page.mouse.move(tick(page, 30.0), box["y"] + 120, steps=4)
    page.mouse.up()
    near = angles(page)
    assert min(near) >= 25.9
    assert max(near) <= 30.1
    page.keyboard.press("ArrowRight")
    assert angles(page) != near
    page.keyboard.press("0")
    assert angles(page) == whole


def test_a_phase_can_be_hidden_and_the_scale_changed(page: Any) -> None:
    calculated, measured = outline(page, "calculated"), outline(page, "observed")
    page.get_by_role("checkbox", name="rutile").uncheck()
    assert page.locator("text.name", has_text="rutile").count() == 0
    assert outline(page, "calculated") != calculated
    page.get_by_role("checkbox", name="rutile").check()
    assert outline(page, "calculated") == calculated
    page.get_by_label("Scale of the intensity").select_option("linear")
    assert outline(page, "observed") != measured


def test_page_fits_a_narrow_window(browser: Any, path: Path) -> None:
    page = opened(browser, path, viewport={"width": 360, "height": 700}, color_scheme="dark")
    page.wait_for_selector("figure.live")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(27, 27, 29)"
    page.context.close()


def test_plot_without_scripts(browser: Any, path: Path) -> None:
    page = opened(browser, path, java_script_enabled=False)
    assert page.locator("figure.live").count() == 0
    for kind in ("observed", "calculated", "background", "difference", "mark", "ticks"):
        assert page.locator(f"path.{kind}").first.bounding_box()["width"] > (5 if kind == "mark" else 200)
    page.context.close()


def test_page_in_a_frame_without_an_origin(browser: Any, path: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe sandbox="allow-scripts" width="1000" height="800" src="{path.as_uri()}"></iframe>')
    page = opened(browser, outer)
    frame = page.frame_locator("iframe")
    frame.locator("figure.live").wait_for()
    assert len(frame.locator("path.observed").get_attribute("d")) > 1000
    page.context.close()


def test_plots_are_drawn_when_visible(browser: Any, answer: Identification, titania: Library, tmp_path: Path) -> None:
    path = tmp_path / "batch.html"
    answers = [replace(answer, file=f"{i}.xy") for i in range(12)]
    # twelve samples are not a series unless requested
    assert "data:image/png" not in report_page(answers, titania, title="Twelve")
    path.write_text(report_page(answers, titania, title="Twelve", series=True), encoding="utf-8")
    assert path.stat().st_size < 12 * 60_000
    page = opened(browser, path)
    assert page.locator("nav img").is_visible()  # the map of scans with one range
    page.get_by_role("link", name="11.xy").click()
    page.wait_for_selector("#scan-12 figure.live")
    assert page.locator("#scan-2 figure.live").count() == 0
    assert page.events == []
    page.context.close()


def test_a_hostile_phase_name_is_shown_unchanged(browser: Any, titania: Library, tmp_path: Path) -> None:
    """The scripts of the page insert its name into the SVG, the controls and the tooltip."""
    evil = "<img src=x onerror=\"document.title='run'\">\"'&amp;"
    (rutile,) = reflections_in_range([titania["rutile"]], LINES, GRID)
    clean = pattern(rutile, Instrument(LINES), Specimen(), GRID)
    counts = np.random.default_rng(1).poisson(3000 * clean / clean.max() + 100)
    scan = Scan("a.xy", GRID.two_theta, counts.astype(float), wavelength=LINES[0].wavelength)
    answer = identify(scan, Library((replace(titania["rutile"], name=evil),)))
    path = tmp_path / "evil.html"
    path.write_text(report_page([answer], titania, title="Evil"), encoding="utf-8")
    page = opened(browser, path)
    page.wait_for_selector("figure.live")
    row = page.locator("text.name").first
    assert row.text_content().startswith(evil)
    page.mouse.move(tick(page, float(answer.fit.reflections[0].two_theta[0])), row.bounding_box()["y"] + 18)
    assert evil in page.locator(".tip").inner_text()
    page.get_by_role("checkbox", name=evil).uncheck()
    assert page.locator("text.name").count() == 0
    assert page.locator("img").count() == 0
    assert page.title() == "Evil"
    assert page.events == []
    page.context.close()
