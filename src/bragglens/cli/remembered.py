"""Answer files that state what they were asked, so that the same is not asked again of the same content."""

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

_LARGEST = 2**30  # bytes of the answers to one file: thousands of scans, each with its fitted lines


def identity_of(asked: Proposer) -> str:
    """What tells one library or model from another: the hash of its phases, and of its network or of the matcher."""
    own = asked.network
    network = own.network if own else (files("bragglens.match") / "matcher.zip").read_bytes()
    return f"{asked.library.hash} {sha256(network).hexdigest()}"


def asked_of_file(scan: Path, identity: str, options: Options) -> dict[str, Any]:
    """What the answer to a file of scans depends on, as JSON gives it back: content, who is asked, how."""
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
    """Whether the answer to this stands there, without an error: what could not be judged may be mended by now."""
    try:
        found = json.loads(read_bytes(target, BragglensError, largest=_LARGEST, what="answers"))
        return bool(found["asked"] == asked) and not any(scan["error"] for scan in found["scans"])
    except (BragglensError, ValueError, KeyError, TypeError, RecursionError):
        return False


def write_answers(answers: Sequence[Any], target: Path, *, model: str, asked: Mapping[str, Any]) -> None:
    """Write the answers to a file of scans, as `--json` does, with what they were asked."""
    from bragglens.identification.answer import document
    from bragglens.report.words import write_json

    write_json({**document(model, list(answers)), "asked": dict(asked)}, target)
