"""Who is asked what a scan holds."""

from __future__ import annotations

from bragglens.crystal.library import Library
from bragglens.learn.model import Model
from bragglens.match.catalogue import Catalogue

Asked = Model | Library | Catalogue  # a network trained for a library; or structures, for the matcher and the fit


def library_of(asked: Asked) -> Library:
    """The phases that can be named."""
    return asked if isinstance(asked, Library) else asked.library
