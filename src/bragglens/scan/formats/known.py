"""Known: the formats of scans, in the order in which they are tried.

A command that has its scans read by another process does not import this.
"""

from __future__ import annotations

from typing import Protocol

from bragglens.scan.formats import (
    bruker_brml,
    bruker_raw,
    bruker_raw4,
    bruker_uxd,
    counts_in_rows,
    gsas,
    jcamp,
    labelled_counts,
    listed_json,
    nexus,
    pdcif,
    philips_rd,
    philips_udf,
    refused,
    rigaku_dat,
    rigaku_ras,
    rigaku_rasx,
    siemens_text,
    sietronics,
    spreadsheet,
    text,
    xrdml,
)
from bragglens.scan.scan import Scan


class Format(Protocol):
    """The interface of each module in `formats/`."""

    def recognises(self, data: bytes) -> bool:
        """Whether these bytes have this format; fast, and never raises."""

    def read(self, data: bytes, name: str) -> tuple[Scan, ...]:
        """The scans in these bytes, one or more, in the order of the file; raises only ScanError."""


# The first that recognises a file reads it: those with a mark in their first bytes, then those with words in their
# header. Text, which takes anything readable, stays last.
FORMATS: tuple[Format, ...] = (
    *(bruker_raw, bruker_raw4, philips_rd, nexus),
    *(bruker_brml, rigaku_rasx, spreadsheet, refused),
    *(xrdml, listed_json, rigaku_ras, rigaku_dat, bruker_uxd, philips_udf, gsas, pdcif),
    *(jcamp, sietronics, siemens_text, counts_in_rows, labelled_counts),
    text,
)
