"""Download: all access to the network, with limits of size and time."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version

from bragglens.errors import FetchError

_CHUNK = 2**16
_TRIES = 3
_PAUSE = 1.0  # seconds before the second try; twice as long before the third


class _MayPassError(FetchError):
    """A temporary failure; the request is tried again."""


def fetch(url: str, *, limit: int, timeout: float = 30.0, pause: float = _PAUSE) -> bytes:
    """All bytes at a web address. After a temporary failure it is tried again, three times in all.

    Args:
        url: with http:// or https://.
        limit: largest number of bytes; more are refused while reading.
        timeout: seconds without data from the server before a try is given up.
        pause: seconds before the second try.

    Raises:
        FetchError: the address is not valid, the server refuses, or its answer is too large or incomplete.
    """
    for number in range(1, _TRIES + 1):
        try:
            return b"".join(chunk for chunk, _, _ in download(url, limit=limit, timeout=timeout))
        except _MayPassError:
            if number == _TRIES:
                raise
            time.sleep(pause * number)
    raise AssertionError


def download(url: str, *, limit: int, timeout: float) -> Iterator[tuple[bytes, int, int | None]]:
    """The content of a web address in pieces, with the bytes so far and the announced total (None if not announced).

    Raises:
        FetchError: as for `fetch`.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise FetchError(f"{url}: is not a web address: pass a base_url that starts with http:// or https://")
    done = 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": f"bragglens/{version('bragglens')}"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            total = _announced(response.headers.get("Content-Length"))
            _refuse_large(total or 0, url, limit)
            while chunk := response.read(_CHUNK):
                done += len(chunk)
                _refuse_large(done, url, limit)
                yield chunk, done, total
    except urllib.error.HTTPError as error:
        kind = _MayPassError if error.code >= 500 or error.code == 429 else FetchError
        raise kind(
            f"{url}: the server answered {error.code} {error.reason}: try again later, or pass another base_url"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"no answer for {timeout:g} s" if "timed out" in str(error) else str(getattr(error, "reason", error))
        kind = FetchError if isinstance(error, ValueError | http.client.InvalidURL) else _MayPassError
        raise kind(f"{url}: cannot be downloaded ({reason}): check the network and try again") from error
    if total is not None and done != total:
        raise _MayPassError(f"{url}: was interrupted after {done} of {total} bytes: try again")


def _announced(length: str | None) -> int | None:
    """The Content-Length, or None where it is missing or not valid."""
    return int(length) if length and re.fullmatch(r"\d{1,18}", length, re.ASCII) else None


def _refuse_large(size: int, url: str, limit: int) -> None:
    if size > limit:
        raise FetchError(f"{url}: is larger than {limit >> 20} MB, too large for this download: check the address")
