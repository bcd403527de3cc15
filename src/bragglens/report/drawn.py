"""Drawn: a figure inside a page, or the sentence that says why there is none."""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    """A figure inside a page.

    Attributes:
        png: its content in base64; empty where there is none.
        error: why there is none, in one sentence; empty where there need not be one.
    """

    png: str = ""
    error: str = ""

    @staticmethod
    def of(png: bytes) -> Drawn:
        """The figure of a PNG file's content."""
        return Drawn(png=base64.b64encode(png).decode("ascii"))
