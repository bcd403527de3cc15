"""The powder scans of RRUFF's titania samples, downloaded once and kept.

RRUFF offers one archive with the raw powder data of all samples, and single files whose names contain unpredictable
numbers. The archive needs one request, so it is streamed to disk, the wanted members are extracted, and it is deleted.
Its size, its names and the unpacked sizes are all checked.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bragglens.download import download
from bragglens.errors import FetchError
from bragglens.files import whole_file

RRUFF = "https://www.rruff.net"
ARCHIVE = "zipped_data_files/powder/XY_RAW.zip"
TITANIA = (
    *("R060277", "R070582", "R120013", "R120064"),  # anatase
    *("R040049", "R050031", "R050417", "R060493"),  # rutile
    *("R050363", "R050591", "R130225"),  # brookite
)

_ARCHIVE_LIMIT = 300 * 2**20
_DIRECTORY_LIMIT = 16 * 2**20  # room for some 100,000 members
_MEMBER_LIMIT = 20 * 2**20  # a scan of 8,500 points has 0.2 MB
_CHUNK = 2**16
# Anatase__R060277-9__Powder__Xray_Data_XY_RAW__5487.txt: mineral, sample, child, record. No separator and no leading
# dot fits, so a name that matches is safe to create.
_NAME = re.compile(
    r"\w[\w.,()'+-]{0,99}__(?P<sample>[A-Z]\d{6})-(?P<child>\d{1,9})__Powder__Xray_Data_XY_RAW__(?P<record>\d{1,9})\.txt",
    re.ASCII,
)

Progress = Callable[[int, int | None], None]  # bytes so far, bytes expected


@dataclass(frozen=True)
class Fetched:
    """The result of a download.

    Attributes:
        paths: the scans, in the order of the samples asked for.
        missing: the samples that are not in RRUFF's archive.
    """

    paths: tuple[Path, ...]
    missing: tuple[str, ...]


def fetch_rruff(
    folder: str | os.PathLike[str],
    *,
    base_url: str = RRUFF,
    samples: Iterable[str] = TITANIA,
    timeout: float = 60.0,
    progress: Progress | None = None,
) -> Fetched:
    """Download raw powder scans from RRUFF, by default the eleven titania samples of the founding blog post.

    A sample that is in the folder already is not downloaded again; if all are, no request is made. Of a sample with
    several files the one with the lowest child number is used; known measurements have 1, known calculations 9.

    Not all eleven are measurements: for the four anatase samples RRUFF only offers calculated patterns. The file of
    brookite R130225 carries the child number 9 as theirs do, though the post counts it as measured.

    Args:
        folder: where the files go, under RRUFF's names; created if missing.
        base_url: RRUFF's address, or a mirror's, with http:// or https://.
        samples: RRUFF's sample numbers, such as "R040049".
        timeout: seconds without a byte from the server before giving up.
        progress: called with the bytes fetched so far and the bytes expected (None if the server does not say).

    Returns:
        The paths of the scans and the samples that were not found.

    Raises:
        FetchError: the archive cannot be downloaded, is invalid or too large, or the folder cannot be written.
    """
    folder, wanted = Path(folder), tuple(dict.fromkeys(samples))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        absent = set(wanted) - _scans(os.listdir(folder)).keys()
        if absent:
            _fetch(f"{base_url.rstrip('/')}/{ARCHIVE}", absent, folder, timeout, progress or _silent)
        found = _scans(os.listdir(folder))
    except OSError as error:
        raise FetchError(f"{folder}: cannot hold the scans ({error}): choose a folder you can write to") from error
    return Fetched(
        paths=tuple(folder / found[sample] for sample in wanted if sample in found),
        missing=tuple(sample for sample in wanted if sample not in found),
    )


def _silent(done: int, total: int | None) -> None:
    """No progress report."""


def _scans(names: Iterable[str]) -> dict[str, str]:
    """Sample -> the name of its scan, in any folder; measured is preferred to calculated."""
    matches = ((_NAME.fullmatch(re.split(r"[/\\]", name)[-1]), name) for name in names)
    ranked = sorted(
        ((int(match["child"]), int(match["record"]), match["sample"], name) for match, name in matches if match),
        reverse=True,
    )
    return {sample: name for _, _, sample, name in ranked}


def _fetch(url: str, samples: set[str], folder: Path, timeout: float, progress: Progress) -> None:
    """Download the archive into the folder, extract the samples' files and delete it."""
    with tempfile.TemporaryFile(dir=folder) as archive:
        for chunk, done, total in download(url, limit=_ARCHIVE_LIMIT, timeout=timeout):
            archive.write(chunk)
            progress(done, total)
        _refuse_large_directory(archive, url)
        try:
            with zipfile.ZipFile(archive) as members:
                for sample, name in _scans(members.namelist()).items():
                    if sample in samples:
                        _unpack(members, name, folder, url)
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
            raise FetchError(
                f"{url}: the download is not a valid zip archive ({error}): try again, or pass another base_url"
            ) from error


def _refuse_large_directory(archive: IO[bytes], url: str) -> None:
    """Refuse a table of contents that would fill the memory, since zipfile reads all of it."""
    end = archive.seek(0, os.SEEK_END)
    archive.seek(max(0, end - 2**16 - 22))  # the end record's 22 bytes and the longest comment
    before, found, record = archive.read().rpartition(b"PK\x05\x06")
    if not found:
        return  # zipfile will say so
    # A 64-bit end record, announced 20 bytes before this one, would overrule it; an archive of this size needs none.
    if int.from_bytes(record[8:12], "little") > _DIRECTORY_LIMIT or before[-20:].startswith(b"PK\x06\x07"):
        raise FetchError(f"{url}: lists far more files than RRUFF's powder data hold: check base_url")


def _unpack(members: zipfile.ZipFile, name: str, folder: Path, url: str) -> None:
    """Extract one member under the last part of its name, which _scans has checked."""
    target = folder / re.split(r"[/\\]", name)[-1]
    # The other methods fail in ways of their own, and ordinary archives use none of them.
    if members.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{target.name} is compressed in an unusual way")
    with members.open(name) as source, whole_file(target) as file:
        size = 0
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > _MEMBER_LIMIT:
                raise FetchError(
                    f"{url}: {target.name} unpacks to more than {_MEMBER_LIMIT >> 20} MB, which no scan does: "
                    "check base_url"
                )
            file.write(chunk)
