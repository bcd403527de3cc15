"""JSON with a list of angles and a list of intensities (.json), as databases and notebooks export scans.

There is no standard, and nothing is guessed: one list must be named for 2θ, and one for the intensity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, scans
from bragglens.scan.lists import refuse_lists
from bragglens.scan.scan import Scan
from bragglens.scan.table import decode
from bragglens.scan.wavelength import wavelength_in

Array = NDArray[np.float64]
_TWO_THETA = re.compile(r"(?:2|two)[\s_-]*(?:theta|θ|th)", re.IGNORECASE)
_INTENSITY = re.compile(r"^(?:intensit\w*|counts?|y)$", re.IGNORECASE)


def recognises(data: bytes) -> bool:
    """Whether it begins as an object of JSON with named entries."""
    return re.match(rb"(?:\xef\xbb\xbf)?\s*\{\s*\"", data[:200]) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: damaged, or without one list named for 2θ and one for the intensity.
    """
    with about(name):
        try:
            document = json.loads(decode(data))
        except (ValueError, RecursionError) as error:
            raise ScanError(f"is damaged JSON ({str(error)[:60]}): copy or export it again") from None
        two_theta, counts = _list(document, _TWO_THETA), _list(document, _INTENSITY)
        if two_theta is None or counts is None or two_theta.size != counts.size:
            raise ScanError(
                "is JSON without one list of numbers named two_theta and one as long named intensity: "
                "export it as text with two columns, 2θ and intensity"
            )
        refuse_lists(two_theta)
        wavelength, notes = wavelength_in(_header(document))
        metadata = {key: document[key] for key in ("sample", "anode") if isinstance(document.get(key), str)}
        return scans(name, [Range(two_theta, counts, metadata, wavelength, notes)])


def _list(document: Mapping[str, Any], title: re.Pattern[str]) -> Array | None:
    """The only list of numbers with such a name."""
    found = [entry for key, entry in document.items() if title.search(key) and isinstance(entry, list)]
    if len(found) != 1 or not all(isinstance(value, int | float) for value in found[0]):
        return None
    try:
        return np.array(found[0], dtype=np.float64)
    except OverflowError:
        return None


def _header(document: Mapping[str, Any]) -> list[str]:
    """All other entries, also nested ones, one per line."""
    rest = {key: entry for key, entry in document.items() if not isinstance(entry, list)}
    lines = re.split(r"[,{}\n]", re.sub(r"[\"\\]", "", json.dumps(rest, ensure_ascii=False)[:20_000]))
    return [line[:500] for line in lines]
