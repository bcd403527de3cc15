"""Markup: HTML and SVG from the files of `templates/`, in which every value is literal text.

Jinja2 escapes each value that a template takes. Only a `Markup` goes in as it is: what another template made, and the
style and scripts of this package.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bragglens.report.words import clean


def markup(template: str, **values: Any) -> Markup:
    """A template of this package with values put in.

    Args:
        template: its file's name.
        values: by the names that it has for them. Texts lose control characters; line breaks become blanks.
    """
    return Markup(_templates().get_template(template).render(values))


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("bragglens.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_in_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _in_one_line(value: Any) -> Any:
    return value if isinstance(value, Markup) else clean(" ".join(str(value).split()))
