"""The documentation as a site: builds without warnings, has every name and page, and loads nothing from other hosts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import bragglens
from bragglens.cli import app

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = done.stdout + done.stderr
    # Strict makes errors of broken links, of anchors and of pages that the menu lacks.
    assert done.returncode == 0, said
    assert not re.search("WARNING|ERROR", said), said
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")}
    pages |= {page.relative_to(ROOT) for page in (ROOT / "benchmarks/results").glob("*.md")}
    menu = (site / "index.html").read_text(encoding="utf-8")
    for page in pages:
        assert (site / page.with_suffix(".html")).exists(), page
        assert f'href="{page.with_suffix(".html").as_posix()}"' in menu or page == Path("index.md"), page
    assert not (site / "site.py").exists()


def test_command_line_page_has_every_command_and_option(site: Path) -> None:
    page = (site / "commands.html").read_text(encoding="utf-8")
    sections = dict(re.findall(r'<h2 id="bragglens-([^"]+)">(.*?)(?=<h2 |</body>)', page, re.DOTALL))

    def walk(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            yield from walk(command, f"{name}-") if hasattr(command, "commands") else [(before + name, command)]

    found = dict(walk(typer.main.get_command(app)))
    assert set(sections) == set(found)
    assert {"identify", "library-build", "mcp"} <= set(found)
    for name, command in found.items():
        for parameter in (one for one in command.params if not getattr(one, "hidden", False)):
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert f"<code>{option}</code>" in sections[name], f"{name} {option}"


def test_search_finds_sections_without_a_server(site: Path) -> None:
    index = (site / "search_index.js").read_text(encoding="utf-8")
    sections = json.loads(index.removeprefix("const SECTIONS = ").removesuffix(";\n"))
    found = next(one for one in sections if one["title"] == "Elements")
    assert found["url"] == "howto/identify.html#elements"
    assert "Capitals decide" in found["text"]
    for page in ("index.html", "howto/identify.html"):
        scripts = re.findall(r'<script src="([^"]+)"', (site / page).read_text(encoding="utf-8"))
        ours = [script for script in scripts if "search" in script]
        assert [script.rpartition("/")[2] for script in ours] == ["search_index.js", "search.js"]
        assert all((site / page).parent.joinpath(script).exists() for script in ours)


def test_nothing_comes_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", text):
            assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", tag), f"{page.name}: {tag}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name


def test_reference_has_every_name_that_is_public_or_in_an_example(site: Path) -> None:
    named = {f"{getattr(bragglens, name).__module__}.{name}" for name in bragglens.__all__}
    for page in (ROOT / "docs").rglob("*.md"):
        imports = re.findall(r"^from (bragglens\.[\w.]+) import (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        named |= {f"{package}.{name}" for package, names in imports for name in names.split(", ")}
    named -= {"bragglens.simulate.reference"}  # a module, whose pattern() is there
    there = "".join(page.read_text(encoding="utf-8") for page in (site / "api").glob("*.html"))
    assert [name for name in sorted(named) if f'id="{name}"' not in there] == []
