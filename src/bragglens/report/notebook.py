"""Notebook: an answer as HTML that a notebook shows in its own colours, without scripts."""

from __future__ import annotations

import base64

from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.identification.answer import Identification
from bragglens.report.markup import literal
from bragglens.report.section import phases_table
from bragglens.report.words import sentence

_DPI = 110  # a picture of some 60 kB: a notebook keeps each one it has shown


def notebook_html(answer: Identification) -> str:
    """Verdict, phases and, where a fit was made, its figure."""
    said = f"<p><strong>{literal(answer.file)}</strong>: {literal(sentence(answer))}</p>\n"
    return f"<div>{said}{phases_table(answer)}{_figure(answer)}</div>"


def _figure(answer: Identification) -> str:
    if answer.fit is None and answer.sketch is None:
        return ""
    try:
        with extra("plots", "the figure"):
            from bragglens.report.figures import figure_bytes
    except BragglensError as error:  # the answer stands above it
        return f"<p>{literal(str(error))}</p>"
    png = base64.b64encode(figure_bytes(answer.plot(), ".png", dpi=_DPI)).decode("ascii")
    return f'<img alt="The scan with its fit and its phases" src="data:image/png;base64,{png}"/>'
