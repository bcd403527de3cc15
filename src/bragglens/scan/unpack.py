"""Archive: members of a zip file, with a limit on the unpacked size.

A zip of a megabyte can unpack to a terabyte, and its directory alone can fill the memory. So the entries of the
directory are counted before zipfile reads it, and sizes are checked before a member is opened. The stream is cut at the
limit, since the directory may be false. The total of all members is limited too.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from bragglens.errors import ScanError
from bragglens.scan.markup import MOST_MARKS, marks, parse, too_many

_MOST_MEMBERS = 5000
_LARGEST = 64 * 2**20  # bytes of all members that are read of one file, together
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others can ask for gigabytes, and no scan is packed by them
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # encrypted; NotImplementedError, an unknown method, is one
    ValueError,
    OverflowError,
    KeyError,
    IndexError,
)


def is_zip(data: bytes) -> bool:
    """Whether the bytes begin as a zip file does."""
    return data.startswith(b"PK\3\4")


def holds(data: bytes, name: str) -> bool:
    """Whether a zip file has a member whose full path matches a pattern; never raises."""
    try:
        return is_zip(data) and bool(Archive(data).names(name))
    except ScanError:
        return False


@dataclass
class Archive:
    """A zip file in memory.

    Raises:
        ScanError: it is damaged or exceeds the limits; at once, or when a member is read.
    """

    data: bytes
    _members: zipfile.ZipFile = field(init=False, repr=False)
    _unpacked: int = field(init=False, default=0)
    _marks: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.data.count(b"PK\1\2") > _MOST_MEMBERS:
            raise ScanError(
                f"is a zip archive of over {_MOST_MEMBERS} files, too many for a scan: is this the right file?"
            )
        try:
            self._members = zipfile.ZipFile(io.BytesIO(self.data))
        except _BROKEN as error:
            raise ScanError(f"is a damaged zip archive ({_reason(error)}): copy or export it again") from None

    def names(self, pattern: str) -> list[str]:
        """Members whose full path matches a pattern, in natural order: Data2 before Data10."""
        found = [name for name in self._members.namelist() if re.fullmatch(pattern, name)]
        return sorted(set(found), key=_natural)

    def read(self, name: str) -> bytes:
        """A member's content."""
        try:
            left = _LARGEST - self._unpacked
            stated = self._members.getinfo(name).file_size
            content = b""
            if self._members.getinfo(name).compress_type not in _METHODS:
                raise ScanError(f"its member {name[:60]} is compressed in an unusual way: export it again")
            if stated <= left:
                with self._members.open(name) as stream:
                    content = stream.read(left + 1)
        except _BROKEN as error:
            raise ScanError(f"its member {name[:60]} is damaged ({_reason(error)}): copy or export it again") from None
        self._unpacked += len(content)
        if stated > left or len(content) > left:
            raise ScanError(f"unpacks to over {_LARGEST >> 20} MB, which no powder scan does: is this the right file?")
        return content

    def parse(self, name: str) -> Element:
        """The root element of a member that is XML."""
        content = self.read(name)
        self._marks += marks(content)
        if self._marks > MOST_MARKS:
            raise too_many()
        return parse(content)


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """The numbers in a name, compared by their digits; they may be too long for `int`."""
    numbers = [digits.lstrip("0") for digits in re.findall(r"[0-9]+", name)]
    return [(len(digits), digits) for digits in numbers], name


def _reason(error: Exception) -> str:
    if isinstance(error, zlib.error):
        return "it does not unpack"
    return re.sub(r"\s+", " ", str(error))[:80].rstrip(".") or type(error).__name__
