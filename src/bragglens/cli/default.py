"""`bragglens SCAN` means `bragglens identify SCAN`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperGroup


class ScanOrCommand(TyperGroup):
    """The commands. If the first word is no command but a file, or looks like one, it is a scan to identify."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `identify` before a scan."""
        word = args[0] if args else ""
        if word and not word.startswith("-") and word not in self.commands and _is_file(word):
            args = ["identify", *args]
        return super().parse_args(ctx, args)


def _is_file(word: str) -> bool:
    return Path(word).exists() or bool(Path(word).suffix) or "/" in word
