"""TOML files: reading with one-sentence errors, and writing numbers with all their digits."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from bragglens.errors import RecipeError
from bragglens.files import read_bytes

_LARGEST = 2**20  # bytes


def read_toml(path: Path, *, what: str, missing: str, command: str) -> dict[str, Any]:
    """The entries of a file.

    Args:
        path: the file.
        what: the expected content, such as `a recipe`.
        missing: the message if the file does not exist.
        command: the command that writes such a file.

    Raises:
        RecipeError: the file is missing, no text, or no TOML.
    """
    data = read_bytes(path, RecipeError, largest=_LARGEST, what=what, missing=missing)
    # In PowerShell, > writes UTF-16.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return tomllib.loads(data.decode(encoding))
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: is not a text file: give a TOML file, as `{command}` writes") from None
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: is not TOML ({error}): correct it there, or start again with `{command}`") from None


def is_number(entry: Any) -> bool:
    """Whether an entry is a number. true and false are not."""
    return isinstance(entry, int | float) and not isinstance(entry, bool)


def as_toml(value: str | bool | float) -> str:
    """A value as TOML. A number gets as many digits as are needed to read exactly the same number."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(float(value))
