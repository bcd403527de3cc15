"""The page in a real browser, as a person uses it: by mouse, by keyboard, in a narrow window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")

from playwright.sync_api import Browser, Locator, Page, Route, expect

REFUSED = "responded with a status of 422"  # what a browser says of options that were refused
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """The page as it opens; no script may fail, and nothing may be asked of another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and REFUSED not in said.text else None
    )
    page.on("request", lambda one: None if one.url.startswith((server, "blob:")) else wrong.append(one.url))
    page.goto(server)
    expect(page.locator("#phases")).to_contain_text("5 phases can be named")
    page.set_default_timeout(300_000)
    yield page
    context.close()
    assert [one for one in wrong if REFUSED not in one] == []


def item(page: Page, name: str) -> tuple[Locator, Locator]:
    """Verdict and line of a scan in the list."""
    found = page.locator("#list li").filter(has=page.get_by_text(name, exact=True))
    return found.locator(".chip"), found.locator(".line")


def test_scans_are_dropped_answered_and_reported(page: Page, scans: Path, tmp_path: Path) -> None:
    for name in ("bad.xy", "rutile.xy"):
        page.evaluate(DROP, [name, (scans / name).read_text()])
    chip, line = item(page, "rutile.xy")
    expect(chip).to_have_text("known", timeout=300_000)
    expect(line).to_have_text("rutile")
    chip, line = item(page, "bad.xy")
    expect(chip).to_have_text("error")
    expect(line).to_contain_text("holds no table of numbers: save the scan as text")
    expect(page.get_by_role("status")).to_have_text("2 of 2 answered, 1 of them not identified.")
    report = page.frame_locator("#shown iframe")  # of the first that was answered
    expect(report.locator(".verdict").first).to_contain_text("One phase of the library found: rutile")
    expect(report.locator("figure").first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Report (HTML)").click()
    assert saved.value.suggested_filename == "rutile.html"
    assert "<!DOCTYPE html>" in saved.value.path().read_text()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Answer (JSON)").click()
    assert json.loads(saved.value.path().read_text())["scans"][0]["phases"][0]["name"] == "rutile"
    with page.expect_download() as saved:
        page.get_by_role("button", name="All answers (JSON)").click()
    assert [scan["file"] for scan in json.loads(saved.value.path().read_text())["scans"]] == ["bad.xy", "rutile.xy"]


def test_the_wavelength_is_asked_for_and_options_are_changed(page: Page, scans: Path) -> None:
    page.set_input_files("#files", scans / "nameless.xy")
    chip, _ = item(page, "nameless.xy")
    expect(chip).to_have_text("wavelength?")
    field = page.get_by_label("One scan does not state its wavelength:")
    field.fill("CuKa")
    field.press("Enter")
    expect(chip).to_have_text("known", timeout=300_000)
    page.get_by_role("button", name="Change options").click()
    form = page.locator("#again")
    expect(form.get_by_label("Wavelength")).to_have_value("CuKa")
    form.get_by_label("Elements").fill("Ti,Xx")
    form.get_by_role("button", name="Identify again").click()
    expect(page.get_by_role("alert")).to_contain_text("Xx is no element")
    form.get_by_label("Elements").fill("Ti,O")
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Network only").check()
    form.get_by_role("button", name="Identify again").click()
    expect(page.frame_locator("#shown iframe").locator("body")).to_contain_text("Probability of a phase outside")
    page.reload()  # the list is still there
    expect(page.locator("#list .chip")).to_have_count(1)
    page.locator(".scan").click()
    page.get_by_role("button", name="Change options").click()
    expect(form.get_by_label("Network only")).to_be_checked()


def test_a_scan_that_is_added_before_the_page_is_ready_is_there_once_and_what_was_there_stays(
    page: Page, scans: Path
) -> None:
    page.set_input_files("#files", scans / "bad.xy")
    expect(item(page, "bad.xy")[0]).to_have_text("error")
    held: list[Route] = []
    page.route("**/api/model", lambda route: held.append(route))
    page.reload()
    page.set_input_files("#files", scans / "nameless.xy")
    expect(item(page, "nameless.xy")[0]).to_have_text("wavelength?")
    held[0].continue_()
    expect(page.locator("#phases")).to_contain_text("5 phases can be named")
    expect(page.locator("#list .name")).to_have_text(["nameless.xy", "bad.xy"])


def test_a_file_of_several_scans_is_one_line(page: Page, scans: Path) -> None:
    text = (scans / "rutile.xy").read_text()
    page.evaluate(DROP, ["two.xy", text + "".join(text.splitlines(keepends=True)[800:860])])
    chip, line = item(page, "two.xy")
    expect(chip).to_have_text("2 scans", timeout=300_000)
    expect(line).to_have_text("1 × rutile; 1 × not identified")


def test_by_keyboard_in_a_narrow_window(page: Page, scans: Path) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.set_input_files("#files", [scans / "rutile.xy", scans / "bad.xy"])
    expect(page.get_by_role("status")).to_contain_text("2 of 2 answered", timeout=300_000)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    page.locator(".scan").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen-name")).to_have_text("bad.xy")
    expect(page.locator("#said")).to_be_in_viewport()
    page.get_by_role("button", name="Remove bad.xy").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list li")).to_have_count(1)
    expect(page.locator(".scan")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("1 of 1 answered.")


def test_the_reference_is_readable(page: Page, server: str) -> None:
    page.goto(f"{server}/api")
    expect(page.get_by_role("heading", name="POST /api/identify")).to_be_visible()
    expect(page.locator("#calls")).to_contain_text("Internal standard: corundum=20")
