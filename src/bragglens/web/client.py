"""Client of a `bragglens serve` server for Python programs; needs only the standard library."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from bragglens.errors import BragglensError
from bragglens.files import read_bytes

LARGEST = 16 * 2**20  # bytes of a scan; the server takes no more
_LOOK = 0.5  # seconds between two looks at a job
_SILENCE = 60.0  # seconds without a byte from the server


@dataclass(frozen=True)
class Client:
    """A server of `bragglens serve`.

    Attributes:
        url: its address, without the token.
        token: from the address that the server prints; None if the server listens on this machine alone.
    """

    url: str = "http://127.0.0.1:8000"
    token: str | None = field(default=None, repr=False)

    def identify(self, path: str | Path, **options: Any) -> dict[str, Any]:
        """Send a scan, wait, and return the answer.

        Args:
            path: a file of one or several scans.
            options: fields of `POST /api/identify`: `wavelength`, `wavelength_if_missing`, `elements`, `standard`,
                `particle_size`, `temperature`, `network_only`; None leaves it out.

        Returns:
            The document of `bragglens identify --json`: `scans` has an answer for each scan of the file.

        Raises:
            BragglensError: the file cannot be read, the server cannot be reached or refuses the request, or no scan of
                the file could be identified; with the server's message.
        """
        path = Path(path)
        content = read_bytes(path, BragglensError, largest=LARGEST, what="a powder scan")
        body, kind = _form(path.name, content, {key: value for key, value in options.items() if value is not None})
        (job,) = self._call("/api/identify", body, kind)["jobs"]
        while job["state"] in ("queued", "running"):
            time.sleep(_LOOK)
            job = self._call(f"/api/jobs/{quote(job['id'])}")
        if job["state"] == "failed":
            raise BragglensError(job["error"])
        answer: dict[str, Any] = job["answer"]
        return answer

    def _call(self, path: str, body: bytes | None = None, kind: str | None = None) -> Any:
        headers = {"Content-Type": kind} if kind else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            with urlopen(Request(self.url.rstrip("/") + path, body, headers), timeout=_SILENCE) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise BragglensError(_sentence(error)) from None
        except (URLError, OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise BragglensError(f"{self.url}: no bragglens server answers there ({why}): check the address") from None


def _form(name: str, content: bytes, fields: dict[str, Any]) -> tuple[bytes, str]:
    """A multipart form with one file, and its content type."""
    mark = uuid.uuid4().hex
    parts = [(f'name="{key}"', str(value).encode()) for key, value in fields.items()]
    safe = name.replace('"', "'").replace("\r", " ").replace("\n", " ")  # what would end the header early
    parts.append((f'name="files"; filename="{safe}"', content))
    lines = [f"--{mark}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data for head, data in parts]
    return b"\r\n".join([*lines, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


def _sentence(error: HTTPError) -> str:
    """The server's message; for a proxy or another program, its status."""
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.url}: was refused with status {error.code} ({error.reason}): is this a bragglens server?"
