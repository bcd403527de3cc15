"""Every Python example in README and docs runs; those of a page run one after another in an empty folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bragglens.learn import train
from bragglens.scan.pattern import Grid

ROOT = Path(__file__).resolve().parents[1]
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "```python" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # 400 out-of-library negatives and a fine axis take longer than everything else in an example
    monkeypatch.setattr(train, "STRANGERS", 20)
    monkeypatch.setitem(train.train.__kwdefaults__, "grid", Grid(5.0, 90.0, 0.1))
    names: dict[str, object] = {"__name__": "example"}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, str(page), "exec"), names)


def test_links_are_valid() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
