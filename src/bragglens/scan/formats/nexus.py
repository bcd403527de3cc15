"""NeXus (.nxs, .h5): the default NXdata of a file, where it is one intensity over 2θ. Needs the extra `nexus` (h5py).

The way to the default plot is that of the NeXus manual ("Find the plottable data", https://manual.nexusformat.org):
`default` attributes lead from the file to NXdata, whose `signal` and `axes` name the columns. Beside it, items of
NXsource are used as FAIRmat's NXxrd_pan writes them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import MOST_POINTS, Range, about, number, scans
from bragglens.scan.scan import Scan

Array = NDArray[np.float64]
_DEEPEST = 8
_MOST_NAMES = 10_000
_LARGEST_CHUNK = 64 * 2**20


def recognises(data: bytes) -> bool:
    """Whether these bytes begin as HDF5 does."""
    return data.startswith(b"\x89HDF\r\n\x1a\n")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: h5py is not installed, or the file is damaged, has images or maps, or no intensity over 2θ.
    """
    with about(name):
        try:
            import h5py
        except ImportError:
            raise ScanError("is HDF5, which needs h5py: pip install 'bragglens[nexus]', or export it as .xy") from None
        try:
            with h5py.File(io.BytesIO(data), "r") as file:
                return scans(name, [_range(file)])
        except ScanError:
            raise
        except Exception as error:  # h5py raises many kinds, and what it says is its own affair
            raise ScanError(f"is damaged HDF5 ({type(error).__name__}): copy or export it again") from None


def _range(file: Any) -> Range:
    group = _default(file)
    signal, axes = _attribute(group, "signal") or "intensity", _attribute(group, "axes") or "two_theta"
    if signal not in group or axes not in group:
        raise ScanError("holds no NXdata with one intensity over 2θ: integrate it, or export it as .xy")
    counts, two_theta = group[signal], group[axes]
    if counts.ndim != 1 or counts.shape != two_theta.shape:
        raise ScanError(
            f"holds data of shape {counts.shape}, an image or a map: integrate it, or export one scan as .xy"
        )
    if not axes.lower().replace("2", "two").startswith(("two_theta", "twotheta")):
        raise ScanError(f"has {axes[:30]} as its axis, not 2θ: give a 2θ scan")
    unit = _attribute(two_theta, "units") or ""
    if not unit.lower().startswith("deg"):
        raise ScanError(f"states its angles in {unit[:20] or 'no unit'}, not in degrees: export it again")
    found = _items(file)
    metadata = {
        "anode": found.get("xray_tube_material"),
        "wavelength_2": number(found.get("k_alpha_two")),
        "wavelength_2_weight": number(found.get("ratio_k_alphatwo_k_alphaone")),
        "scan_axis": found.get("scan_axis"),
        "counting_time_s": number(found.get("count_time")),
    }
    return Range(_values(two_theta), _values(counts), metadata, number(found.get("k_alpha_one")))


def _default(group: Any) -> Any:
    """The group that `default` attributes lead to."""
    for _ in range(_DEEPEST):
        following = _attribute(group, "default")
        if not following or following not in group:
            break
        group = group[following]
    return group


def _attribute(item: Any, name: str) -> str | None:
    value = item.attrs.get(name)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else None


def _values(data: Any) -> Array:
    """A column; one that would unpack to more than a scan can hold is refused unread."""
    chunk = int(np.prod(data.chunks or (1,))) * data.dtype.itemsize
    if data.size > MOST_POINTS or chunk > _LARGEST_CHUNK or data.dtype.kind not in "iuf":
        raise ScanError("holds more points than a powder scan, or no numbers: is this the right file?")
    return np.asarray(data[()], dtype=np.float64)


def _items(file: Any) -> dict[str, str]:
    """Single values anywhere in the file, by their last name."""
    found: dict[str, str] = {}
    for name, item in _walk(file, _DEEPEST):
        if getattr(item, "size", None) == 1 and item.dtype.kind in "iufOS":
            value = np.asarray(item[()]).reshape(-1)[0]
            found.setdefault(name, value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
    return found


def _walk(group: Any, depth: int) -> Iterator[tuple[str, Any]]:
    for name in list(group)[:_MOST_NAMES]:
        item = group[name]
        if hasattr(item, "keys") and depth:
            yield from _walk(item, depth - 1)
        elif not hasattr(item, "keys"):
            yield name, item
