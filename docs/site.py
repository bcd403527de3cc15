"""What the site holds beside docs/: the figures, under the names that links have in the repository."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel


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
    return files
