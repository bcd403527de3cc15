"""Late imports: names of a package are imported at first use, because help, readers and workers need no physics."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any


def names(package: str, exported: Mapping[str, Sequence[str]]) -> None:
    """Give a package names of its modules, each of which is imported at first use of one of its names (PEP 562)."""
    own = vars(sys.modules[package])
    places = {name: f"{package}.{module}" for module, names in exported.items() for name in names}

    def imported(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        own[name] = getattr(import_module(places[name]), name)
        return own[name]

    own["__getattr__"] = imported
    own["__dir__"] = lambda: sorted({*own, *places})
