"""Markup: pieces of HTML in which every text is literal."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from bragglens.report.words import clean


def literal(value: object) -> str:
    """Any value as text that HTML takes literally, in attributes too; line breaks become blanks."""
    return html.escape(clean(" ".join(str(value).split())))


def table(caption: str, heading: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    said = f"<caption>{literal(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{literal(cell)}</th>' for cell in heading)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>{said}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def folded(summary: str, content: str, *, printed: bool = False) -> str:
    """Content that a reader opens; on paper it is there, or left out."""
    kind = ' class="printed"' if printed else ""
    return f"<details{kind}><summary>{literal(summary)}</summary>\n{content}</details>\n"


def definitions(entries: dict[str, str]) -> str:
    """Terms with what they are."""
    items = "".join(f"<dt>{literal(key)}</dt><dd>{literal(value)}</dd>\n" for key, value in entries.items())
    return f"<dl>\n{items}</dl>\n"
