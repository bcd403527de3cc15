"""Names of a package that are imported once they are asked for: help, readers and workers need no physics."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """A package that looks a name up in the module it stands in; `_places` says which that is."""

    _places: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        if name not in self._places:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = vars(self)[name] = getattr(import_module(self._places[name]), name)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # Python sets a subpackage as an attribute of its package; of one name, what is exported goes before it.
        if not (isinstance(value, ModuleType) and name in self._places):
            super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        return {*super().__dir__(), *self._places}


def names(package: str, exported: Mapping[str, Sequence[str]]) -> None:
    """Give a package names of its modules, each of which is imported when one of its names is first asked for."""
    module = sys.modules[package]
    vars(module)["_places"] = {name: f"{package}.{place}" for place, all_ in exported.items() for name in all_}
    module.__class__ = _Package
