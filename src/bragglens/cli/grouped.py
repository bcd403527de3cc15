"""Grouped: related options are a frozen dataclass, which a command takes as one parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with each parameter that is a dataclass replaced by the fields of that dataclass.

    Typer reads the signature. In this way several commands share a group of options that is defined once.
    """
    own = signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: one.annotation for name, one in own.parameters.items() if is_dataclass(one.annotation)
    }
    flat: list[Parameter] = []
    for name, one in own.parameters.items():
        flat += _fields(groups[name]) if name in groups else [one.replace(kind=Parameter.KEYWORD_ONLY)]

    @wraps(command)
    def called(**given: Any) -> None:
        whole = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in groups.items()}
        command(**given, **whole)

    called.__signature__ = own.replace(parameters=flat)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in flat}
    return called


def _fields(kind: Any) -> list[Parameter]:
    """The fields of a dataclass as parameters; each has a default."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(kind)
    ]
