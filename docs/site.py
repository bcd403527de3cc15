"""What the site has beside docs/: the benchmarks, under the names that links use, and a search index."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

_sections: list[dict[str, str]] = []  # of the pages of one build, in their order


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """With benchmarks/README.md, and the tables and pictures of benchmarks/results."""
    root = Path(config.config_file_path).parent
    results = root / "benchmarks/results"
    shown = [page for page in results.rglob("*") if page.suffix in (".md", ".png", ".csv")]
    for path in [root / "benchmarks/README.md", *sorted(shown)]:
        name = path.relative_to(root).as_posix()
        # A page of docs/ links to ../../benchmarks, and links are looked up by the name of the source.
        file = File.generated(config, f"../{name}", abs_src_path=str(path), inclusion=InclusionLevel.INCLUDED)
        file.dest_uri = name.replace("README.md", "index.html").replace(".md", ".html")
        files.append(file)
    _sections.clear()
    return files


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Each section of a page for the search: title, address, words."""
    heads = list(re.finditer(r'<h[1-4] id="([^"]+)"[^>]*>(.*?)</h[1-4]>', content, re.DOTALL))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        title, text = _plain(head[2]), _plain(content[head.end() : after.start() if after else None])
        _sections.append({"title": title, "url": f"{page.url}#{head[1]}", "text": text})


def on_post_build(config: MkDocsConfig) -> None:
    """The index, as a script: pages that are opened from a disk may load no other kind of file."""
    index = json.dumps(_sections, ensure_ascii=False)
    Path(config.site_dir, "search_index.js").write_text(f"const SECTIONS = {index};\n", encoding="utf-8")


def _plain(text: str) -> str:
    """HTML as words."""
    return " ".join(html.unescape(re.sub(r"<a class=\"headerlink\".*?</a>|<[^>]+>", " ", text)).split())
