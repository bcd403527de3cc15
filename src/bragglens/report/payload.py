"""Payload: the numbers of a picture, packed into the page. Its scripts (`unpack.js`) draw them at any zoom."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.report.drawing import colour, root
from bragglens.report.picture import Layer, Picture

Array = NDArray[np.float64]

_LEVELS = 8000  # steps of √intensity from zero to the strongest point, each finer than the noise of a million counts
_ANGLE = 1000  # steps in a degree


def payload(picture: Picture) -> str:
    """The picture as JSON, deflated, in base64.

    A curve is a list of differences of √intensity from point to point, in `unit`: small numbers compress well.
    """
    unit = max(float(np.abs(root(picture.observed)).max()), 1e-9) / _LEVELS
    content = {
        "start": round(picture.start, 6),
        "step": round(picture.step, 9),
        "wavelength": picture.wavelength,
        "unit": unit,
        "observed": _curve(picture.observed, unit),
        "parts": [[part.start, part.stop - 1] for part in picture.measured],
        "background": _curve(picture.background, unit),
        "layers": [_layer(layer, i, unit) for i, layer in enumerate(picture.layers)],
        "unexplained": [[round(p.two_theta, 3), round(p.d, 4), round(p.share, 5)] for p in picture.unexplained],
    }
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")


def _layer(layer: Layer, place: int, unit: float) -> dict[str, Any]:
    return {
        "name": layer.name,
        "remark": layer.remark,
        "colour": colour(layer, place),
        "angles": np.round(layer.reflections.two_theta * _ANGLE).astype(int).tolist(),
        "strength": np.round(layer.reflections.strength, 2).tolist(),
        "hkl": [" ".join(map(str, hkl)) for hkl in layer.reflections.hkl.tolist()],
        "pattern": _curve(layer.pattern, unit),
    }


def _curve(values: Array | None, unit: float) -> list[int] | None:
    return None if values is None else np.diff(np.round(root(values) / unit).astype(int), prepend=0).tolist()
