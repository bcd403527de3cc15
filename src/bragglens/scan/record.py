"""Record: numbers and text at offsets of a binary file; every offset is checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError


@dataclass(frozen=True)
class Record:
    """Bytes read at offsets, little-endian; an offset beyond the end raises ScanError."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data)

    def _one(self, form: str, at: int) -> int | float:
        self._check(at, struct.calcsize(form))
        value: int | float = struct.unpack_from(form, self.data, at)[0]
        return value

    def _check(self, at: int, size: int) -> None:
        if at < 0 or size < 0 or at + size > len(self.data):
            raise ScanError(
                f"is cut short or damaged: {at + size} bytes are needed and {len(self.data)} are there: copy it again"
            )

    def u16(self, at: int) -> int:
        """Unsigned integer of two bytes."""
        return int(self._one("<H", at))

    def u32(self, at: int) -> int:
        """Unsigned integer of four bytes."""
        return int(self._one("<I", at))

    def f32(self, at: int) -> float:
        """Single precision, rounded to its seven digits."""
        return float(f"{self._one('<f', at):.7g}")

    def f64(self, at: int) -> float:
        """Double precision."""
        return float(self._one("<d", at))

    def text(self, at: int, size: int) -> str:
        """Text up to its first zero byte, stripped of blanks."""
        self._check(at, size)
        return self.data[at : at + size].split(b"\0")[0].decode("latin-1").strip()

    def array(self, at: int, points: int, kind: str) -> NDArray[np.float64]:
        """Numbers of a NumPy kind such as "<f4"; a stride is a kind of several fields, of which the first is taken."""
        self._check(at, points * np.dtype(kind).itemsize)
        values = np.frombuffer(self.data, kind, points, at)
        names = values.dtype.names
        with np.errstate(invalid="ignore"):  # a damaged file holds NaN of every kind; Scan refuses them
            return np.asarray(values[names[0]] if names else values, dtype=np.float64)
