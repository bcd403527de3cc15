"""File formats that are recognised by their first bytes but not supported, each with its name and advice."""

from __future__ import annotations

from bragglens.errors import ScanError
from bragglens.scan.assemble import about
from bragglens.scan.scan import Scan
from bragglens.scan.unpack import Archive, is_zip

_AS_TEXT = "export the scan as text with two columns, 2θ and intensity (.xy), from the program that wrote it"
_INTEGRATE = "integrate it over its rings first, and give the pattern as .xy"
_KNOWN = {
    b"RAW_1": ("Stoe's binary RAW, whose layout is not published", f"{_AS_TEXT} (WinXPOW does)"),
    b"RAW": ("a RAW file of a version that is not known", _AS_TEXT),
    b"FI": ("Rigaku's binary RAW", _AS_TEXT),
    b"\xd0\xcf\x11\xe0": ("an old binary Office file (.xls)", "save it as .xlsx or .csv"),
    b"PK\3\4": ("a zip archive without a known scan format", "unpack it, and give the scan inside"),
    b"\x1f\x8b": ("compressed with gzip", "unpack it first"),
    b"7z\xbc\xaf": ("compressed with 7-Zip", "unpack it first"),
    b"BZh": ("compressed with bzip2", "unpack it first"),
    b"%PDF": ("a PDF, which shows a scan but has no data", _AS_TEXT),
    b"\x89PNG": ("a picture of a scan", _AS_TEXT),
    b"\xff\xd8\xff": ("a picture of a scan", _AS_TEXT),
    b"II*\0": ("a TIFF image", _INTEGRATE),
    b"MM\0*": ("a TIFF image", _INTEGRATE),
    b"FORMAT :": ("a two-dimensional frame of Bruker's", _INTEGRATE),
    b"###CBF:": ("a two-dimensional CBF image", _INTEGRATE),
    b"{\n": ("an EDF or SMV image", _INTEGRATE),
    b"{\r\n": ("an EDF or SMV image", _INTEGRATE),
}


def recognises(data: bytes) -> bool:
    """Whether the first bytes are known (and the file is binary if text might begin in the same way)."""
    return _what(data) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """Always raises: says what the file is and what to do.

    Raises:
        ScanError: always.
    """
    if is_zip(data):
        with about(name):
            Archive(data)  # a damaged or vast one says so itself
    what, cure = _what(data) or ("of an unknown format", _AS_TEXT)
    raise ScanError(f"{name}: is {what}: {cure}")


def _what(data: bytes) -> tuple[str, str] | None:
    start = next((start for start in _KNOWN if data.startswith(start)), None)
    binary = data[:4096].translate(None, bytes(range(9, 14)) + bytes(range(32, 256))) != b""
    unmistakable = start is not None and (len(start) > 3 or start in (b"\x1f\x8b", b"\xff\xd8\xff"))
    return _KNOWN[start] if start is not None and (unmistakable or binary) else None
