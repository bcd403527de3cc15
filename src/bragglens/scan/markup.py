"""parse: XML without what makes XML dangerous, and a few ways to ask its elements."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bragglens.errors import ScanError

_MOST_MARKS = 2_000_000  # of < and of =: elements and attributes of the largest scan, and under 1 GB in memory


def parse(data: bytes) -> Element:
    """The root element.

    Raises:
        ScanError: no well-formed XML, entities are declared, or more elements than a scan has.
    """
    # Entities could grow to gigabytes; no diffractometer writes any, so a file that declares some is refused unread.
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data.replace(b"\0", b""), re.IGNORECASE):
        raise ScanError("declares a document type or entities, which no scan needs: export the scan again")
    if data.count(b"<") > _MOST_MARKS or data.count(b"=") > _MOST_MARKS:
        raise ScanError("has millions of XML elements, more than a powder scan: is this the right file?")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise ScanError(f"is damaged or cut short ({error}): copy or export it again") from None


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
