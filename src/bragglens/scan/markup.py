"""parse: XML without its dangerous features, and functions that read its elements."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bragglens.errors import ScanError

MOST_MARKS = 1_000_000  # elements, and =: the largest real file has 250,000 of each; they take under 500 MB and 2 s
_DEEPEST = 64  # elements within elements, real files have 17; each one looks through all that it holds


def marks(data: bytes) -> int:
    """How many elements, or attributes if they are more, some XML has at most."""
    return max(data.count(b"<") - data.count(b"</"), data.count(b"="))


def parse(data: bytes) -> Element:
    """The root element.

    Raises:
        ScanError: not well-formed XML, declared entities, or more elements than a scan has.
    """
    # Entities could grow to gigabytes; no diffractometer writes any, so a file that declares some is refused unread.
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data.replace(b"\0", b""), re.IGNORECASE):
        raise ScanError("declares a document type or entities, which no scan needs: export the scan again")
    if marks(data) > MOST_MARKS:
        raise too_many()
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise ScanError(f"is damaged or cut short ({error}): copy or export it again") from None
    if _deep(root):
        raise ScanError(f"has XML elements nested over {_DEEPEST} deep, which no scan has: is this the right file?")
    return root


def too_many() -> ScanError:
    """The message for a file with more than MOST_MARKS."""
    return ScanError(f"has over {MOST_MARKS} XML elements, more than a powder scan: is this the right file?")


def _deep(root: Element) -> bool:
    level = [root]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in element]
    return bool(level)


def children(element: Element, tag: str) -> Iterator[Element]:
    """The children of a tag, in any namespace; several times faster than a path of ElementTree."""
    return (child for child in element if child.tag.rpartition("}")[2] == tag)


def text(element: Element | None, path: str) -> str:
    """Text at a path of tag names, in any namespace; "" where it is not there."""
    if element is None:
        return ""
    return (element.findtext("/".join(f"{{*}}{tag}" for tag in path.split("/"))) or "").strip()


def number(element: Element | None, path: str) -> float | None:
    """A finite number at a path, or None."""
    return _finite(text(element, path))


def value(element: Element | None, tag: str) -> float | None:
    """The finite number in the attribute `Value` of the first such tag at any depth, or None."""
    found = element.find(f".//{{*}}{tag}") if element is not None else None
    return _finite(found.get("Value") or "") if found is not None else None


def _finite(written: str) -> float | None:
    try:
        found = float(written)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
