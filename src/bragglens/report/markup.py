"""Markup: HTML and SVG from the files of `templates/`, with every value escaped.

Jinja2 escapes each value of a template. Only a `Markup` is inserted as it is: the output of another template, and the
style and scripts of this package.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bragglens.report.words import clean


def markup(template: str, **values: Any) -> Markup:
    """A template of this package with its values inserted.

    Args:
        template: name of its file.
        values: by their names in the template. Control characters are removed from texts; line breaks become blanks.
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
