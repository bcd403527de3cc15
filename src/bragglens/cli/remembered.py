"""Answer files that record their request, so that the same request for the same content is not repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bragglens.errors import BragglensError, ScanError
from bragglens.files import read_bytes

if TYPE_CHECKING:
    from bragglens.identification.options import Options
    from bragglens.identification.proposers import Proposer

_LARGEST = 2**30  # bytes of the answers for one file: thousands of scans, each with its fitted lines


def identity_of(asked: Proposer) -> str:
    """Identity of a library or model: the hash of its phases, and of its network or of the matcher."""
    own = asked.network
    network = own.network if own else (files("bragglens.match") / "matcher.zip").read_bytes()
    return f"{asked.library.hash} {sha256(network).hexdigest()}"


def asked_of_file(scan: Path, identity: str, options: Options) -> dict[str, Any]:
    """What the answer for a file of scans depends on, as JSON: content, model or library, options."""
    from bragglens import __version__
    from bragglens.scan.read import content_of

    try:
        content = sha256(content_of(scan)).hexdigest()
    except ScanError:
        content = "unreadable"
    asked = {"sha256": content, "of": identity, "bragglens": __version__, "options": options.given()}
    plain: dict[str, Any] = json.loads(json.dumps(asked, default=vars))
    return plain


def stands(target: Path, asked: Mapping[str, Any]) -> bool:
    """Whether a valid answer to this request exists. One with an error does not count: its cause may be gone."""
    try:
        found = json.loads(read_bytes(target, BragglensError, largest=_LARGEST, what="answers"))
        return bool(found["asked"] == asked) and not any(scan["error"] for scan in found["scans"])
    except (BragglensError, ValueError, KeyError, TypeError, RecursionError):
        return False


def write_answers(answers: Sequence[Any], target: Path, *, model: str, asked: Mapping[str, Any]) -> None:
    """Write the answers for a file of scans, as `--json` does, with their request."""
    from bragglens.identification.answer import document
    from bragglens.report.words import write_json

    write_json({**document(model, list(answers)), "asked": dict(asked)}, target)
