"""Matcher: a network, trained once, that gives for any structure the probability of its presence in a scan.

Its use does not need torch. `matcher.zip` in this folder holds `encoder.onnx`, `judge.onnx`, and `manifest.json` with
the details of its training.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bragglens.inference import session
from bragglens.match.features import Features, channels, line_features, scaled
from bragglens.match.line_matching import match_lines, peaks
from bragglens.match.reference_lines import ReferenceLines
from bragglens.scan.pattern import Pattern

STRIDE = 4  # points of the axis to one of the encoder's features
MOST_JUDGED = 10_000  # phases that the network judges; of a larger library those that explain most of the scan
_LEAST = 1e-6  # probability of phases that the network does not judge
_BLOCK = 256  # phases at a time: their tables stay in the processor's cache


@dataclass(frozen=True)
class Opinion:
    """The matcher's result for each phase.

    Attributes:
        probability: that the phase is present, (phases,).
        share: its share of the scan's diffracted intensity if it is present, (phases,).
    """

    probability: NDArray[np.float64]
    share: NDArray[np.float64]


@dataclass(frozen=True)
class Matcher:
    """The trained network.

    Attributes:
        encoder, judge: its two parts as ONNX.
        manifest: details of the training, and how its log odds become probabilities.
    """

    encoder: Any = field(repr=False)
    judge: Any = field(repr=False)
    manifest: dict[str, Any] = field(repr=False)

    def opinion(
        self, pattern: Pattern, lines: ReferenceLines, explained: NDArray[np.floating] | None = None
    ) -> Opinion:
        """The matcher's result for phases in a scan.

        Args:
            pattern: the scan on the matcher's axis.
            lines: reference lines of the phases.
            explained: intensity that known phases explain, on the same axis and scale. The result is then for further
                phases.
        """
        known = np.zeros(pattern.grid.size) if explained is None else explained
        intensity, accounted = scaled(pattern.intensity, pattern.covered, known)
        matched = match_lines(peaks(intensity, pattern.covered, accounted), lines)
        rows = np.sort(np.argsort(-matched.rank, kind="stable")[:MOST_JUDGED])
        features, scene = self.encoder.run(None, {"x": channels(intensity, pattern.covered, accounted)[None]})
        out = self._judged(features[0], scene, line_features(lines.of(rows), matched.of(rows)))
        slope, offset = self.manifest["log_odds"]
        probability, share = np.full(len(lines), _LEAST), np.zeros(len(lines))
        probability[rows] = expit(slope * out[:, 0] + offset)
        share[rows] = expit(out[:, 1]) ** 2
        return Opinion(probability, share)

    def _judged(
        self, features: NDArray[np.float32], scene: NDArray[np.float32], tables: Features
    ) -> NDArray[np.float64]:
        """The judge's result for each phase, computed in blocks, shape (phases, 2)."""
        tables = tables._replace(place=np.minimum(tables.place / STRIDE, len(features) - 1).astype(np.float32))
        out = np.empty((len(tables.place), 2))
        for first in range(0, len(out), _BLOCK):
            some = {name: table[first : first + _BLOCK] for name, table in tables._asdict().items()}
            fixed = {"features": features, "scene": np.repeat(scene, len(some["place"]), axis=0)}
            out[first : first + _BLOCK] = self.judge.run(None, fixed | some)[0]
        return out


@cache
def matcher() -> Matcher:
    """The matcher that comes with the package, loaded once."""
    with (files("bragglens.match") / "matcher.zip").open("rb") as file, zipfile.ZipFile(file) as archive:
        encoder, judge = (session(archive.read(name)) for name in ("encoder.onnx", "judge.onnx"))
        return Matcher(encoder, judge, json.loads(archive.read("manifest.json")))
