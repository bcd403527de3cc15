"""NeXus (.nxs, .h5): the default NXdata of a file, where it is one intensity over 2θ. Needs the extra `nexus` (h5py).

The way to the default plot is that of the NeXus manual ("Find the plottable data", https://manual.nexusformat.org):
`default` attributes lead from the file to NXdata, whose `signal` and `axes` name the columns. Beside it, items of
NXsource are used as FAIRmat's NXxrd_pan writes them.

HDF5 can refer to other files for its data, by external storage, virtual datasets and external links; reading it would
disclose those files. So all links and datasets are checked before any data are read.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import MOST_POINTS, Range, about, number, scans
from bragglens.scan.scan import Scan

Array = NDArray[np.float64]
_DEEPEST = 8
_MOST_LINKS = 10_000
_LARGEST_CHUNK = 64 * 2**20  # bytes of a column; HDF5 unpacks a chunk whole
_LARGEST_ITEM = 64 * 2**10  # bytes of a single value, or of the chunk that it lies in


def recognises(data: bytes) -> bool:
    """Whether these bytes begin as HDF5 does."""
    return data.startswith(b"\x89HDF\r\n\x1a\n")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: h5py is not installed, or the file is damaged, names other files, has images or maps, or no intensity
            over 2θ.
    """
    with about(name):
        try:
            import h5py
        except ImportError:
            raise ScanError("is HDF5, which needs h5py: pip install 'bragglens[nexus]', or export it as .xy") from None
        try:
            with h5py.File(io.BytesIO(data), "r") as file:
                return scans(name, [_range(file, _datasets(file))])
        except ScanError:
            raise
        except Exception:  # h5py raises many kinds, and what it says is its own affair
            raise ScanError("is damaged HDF5: copy or export it again") from None


def _range(file: Any, datasets: list[tuple[str, Any]]) -> Range:
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
    found = _items(datasets)
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
    """A column; one that would unpack to more than a scan can hold is refused without reading."""
    if data.size > MOST_POINTS or _unpacked(data) > _LARGEST_CHUNK or data.dtype.kind not in "iuf":
        raise ScanError("holds more points than a powder scan, or no numbers: is this the right file?")
    return np.asarray(data[()], dtype=np.float64)


def _items(datasets: list[tuple[str, Any]]) -> dict[str, str]:
    """Single values anywhere in the file, by their last name."""
    found: dict[str, str] = {}
    for name, item in datasets:
        if item.size == 1 and item.dtype.kind in "iufOS" and _unpacked(item) <= _LARGEST_ITEM:
            value = np.asarray(item[()]).reshape(-1)[0]
            found.setdefault(name, value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
    return found


def _unpacked(data: Any) -> int:
    """Bytes that HDF5 unpacks at once where it reads a value of these data."""
    return int(np.prod(data.chunks or (1,))) * int(data.dtype.itemsize)


@dataclass
class _Links:
    """The targets of the links of a file.

    Attributes:
        datasets: with their last names, in the order of the file.
        leads: from the address of each group to those of the groups that it leads to.
        soft: groups that hold soft links, with the names of these.
        count: of all links.
    """

    datasets: list[tuple[str, Any]] = field(default_factory=list)
    leads: dict[int, set[int]] = field(default_factory=dict)
    soft: list[tuple[Any, str]] = field(default_factory=list)
    count: int = 0


def _datasets(file: Any) -> list[tuple[str, Any]]:
    """All datasets with their last names; none of them is read.

    Raises:
        ScanError: links or data lead out of the file, links loop, or there are too many.
    """
    import h5py

    links, waiting = _Links(), [("", file["/"])]
    while waiting:
        name, item = waiting.pop()
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ScanError(
                    "refers to data in other files or datasets, which are not opened: export it with all data"
                )
            links.datasets.append((name, item))
        elif isinstance(item, h5py.Group) and _address(item) not in links.leads:
            waiting += reversed(_inside(item, links))
    for group, name in links.soft:  # only now, as what they lead through could have led out of the file
        item = group.get(name)
        if isinstance(item, h5py.Dataset):
            links.datasets.append((name, item))
        elif isinstance(item, h5py.Group):
            links.leads[_address(group)].add(_address(item))
    try:
        TopologicalSorter(links.leads).prepare()
    except CycleError:
        raise ScanError("has circular links: export it again without them") from None
    return links.datasets


def _inside(group: Any, links: _Links) -> list[tuple[str, Any]]:
    """What a group holds by hard links; its soft links are put aside."""
    import h5py

    hard = []
    for name in group:
        links.count += 1
        if links.count > _MOST_LINKS:
            raise ScanError(f"holds over {_MOST_LINKS} items, more than a powder scan: is this the right file?")
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink):
            links.soft.append((group, name))
        elif isinstance(link, h5py.HardLink):
            hard.append((name, group[name]))
        else:
            raise ScanError("has links to other files, which are not opened: export it as one whole file")
    links.leads[_address(group)] = {_address(item) for _, item in hard if isinstance(item, h5py.Group)}
    return hard


def _address(group: Any) -> int:
    """The address of a group in the file: one group may have several names."""
    import h5py

    return int(h5py.h5o.get_info(group.id).addr)
