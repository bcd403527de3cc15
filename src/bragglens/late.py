"""Names of a package that are imported when they are first used: help, readers and workers need no physics."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any


def names(package: str, exported: Mapping[str, Sequence[str]]) -> None:
    """Give a package names of its modules, each of which is imported when one of its names is first used (PEP 562)."""
    own = vars(sys.modules[package])
    places = {name: f"{package}.{module}" for module, names in exported.items() for name in names}

    def imported(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        own[name] = getattr(import_module(places[name]), name)
        return own[name]

    own["__getattr__"] = imported
    own["__dir__"] = lambda: sorted({*own, *places})
