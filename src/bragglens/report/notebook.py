"""Notebook: an answer as HTML for a notebook, in the notebook's colours, without scripts."""

from __future__ import annotations

from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.identification.answer import Identification
from bragglens.report.drawn import Drawn
from bragglens.report.markup import markup
from bragglens.report.picture import picture_of
from bragglens.report.section import phases_found
from bragglens.report.words import sentence

_DPI = 110  # a figure of about 60 kB, because a notebook keeps every figure


def notebook_html(answer: Identification) -> str:
    """Verdict, phases and the figure."""
    found = phases_found(answer)
    return str(markup("notebook.html", file=answer.file, sentence=sentence(answer), **found, figure=_figure(answer)))


def _figure(answer: Identification) -> Drawn:
    if picture_of(answer) is None:
        return Drawn()
    try:
        with extra("plots", "the figure"):
            from bragglens.report.figures import figure_bytes
    except BragglensError as error:  # the answer itself is shown above
        return Drawn(error=str(error))
    return Drawn.of(figure_bytes(answer.plot(), ".png", dpi=_DPI))
