"""The fitted profile as files for other programs: columns of text (.xye) or powder CIF (.cif)."""

from __future__ import annotations

from pathlib import Path

from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.report.columns import columns_text
from bragglens.report.pdcif import pdcif_text
from bragglens.report.words import write_text

SUFFIXES = (".xye", ".cif")


def write_profile(answer: Identification, path: Path) -> None:
    """Write the fit of an answer, in the format of the file extension.

    Raises:
        BragglensError: unknown format, an answer by the network alone, or the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BragglensError(f"{path}: a fit is written as {' or '.join(SUFFIXES)}: use one of these extensions")
    if answer.fit is None:
        raise BragglensError(f"{path}: with --network-only there is no fit to write: leave it out")
    columns = path.suffix.lower() == ".xye"
    write_text(columns_text(answer, answer.fit) if columns else pdcif_text(answer, answer.fit), path)
