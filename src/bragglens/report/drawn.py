"""Drawn: a figure inside a page, or the sentence why there is none."""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    """A figure inside a page.

    Attributes:
        png: content of the PNG file in base64; empty without a figure.
        error: why there is no figure, in one sentence; empty where none is needed.
    """

    png: str = ""
    error: str = ""

    @staticmethod
    def of(png: bytes) -> Drawn:
        """The figure from the content of a PNG file."""
        return Drawn(png=base64.b64encode(png).decode("ascii"))
