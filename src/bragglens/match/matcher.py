"""Matcher: a network trained once that says of any structure how likely it is in a scan; using it needs no torch.

`matcher.zip` beside this file holds it: `encoder.onnx`, `judge.onnx`, and `manifest.json` with what it was trained on.
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

from bragglens.match.meet import meet, peaks
from bragglens.match.question import channels, question
from bragglens.match.sought import Sought
from bragglens.scan.pattern import Pattern

STRIDE = 4  # points of the axis to one of the encoder's features
MOST_JUDGED = 10_000  # phases that the network is asked for; of larger libraries those that explain most of the scan
_LEAST = 1e-6  # probability of those that it is not asked for
_BLOCK = 256  # phases at a time: their tables stay in the processor's cache


@dataclass(frozen=True)
class Opinion:
    """What the matcher says of each phase.

    Attributes:
        probability: that it is there, (phases,).
        share: of the scan's diffracted intensity that it gives if it is there, (phases,).
    """

    probability: NDArray[np.float64]
    share: NDArray[np.float64]


@dataclass(frozen=True)
class Matcher:
    """The trained network.

    Attributes:
        encoder, judge: its halves as ONNX.
        manifest: what it was trained on, and how its log odds become probabilities.
    """

    encoder: Any = field(repr=False)
    judge: Any = field(repr=False)
    manifest: dict[str, Any] = field(repr=False)

    def opinion(self, pattern: Pattern, sought: Sought, explained: NDArray[np.floating] | None = None) -> Opinion:
        """What it says of phases in a scan.

        Args:
            pattern: the scan on the matcher's axis.
            sought: the lines of the phases.
            explained: intensity that phases which are known to be there explain, on the same axis and scale; the
                opinion is then of what else is there.
        """
        counts, covered = pattern.intensity, pattern.covered
        low, high = float(counts[covered].min()), float(counts[covered].max())
        span = max(high - low, 1e-12)
        intensity = np.where(covered, (counts - low) / span, 0.0)
        accounted = np.zeros_like(intensity) if explained is None else np.where(covered, explained / span, 0.0)
        met = meet(peaks(intensity, covered, accounted), sought)
        rows = np.sort(np.argsort(-met.rank, kind="stable")[:MOST_JUDGED])
        asked = question(sought.of(rows), met.of(rows))
        features, scene = self.encoder.run(None, {"x": channels(intensity, covered, accounted)[None]})
        place = np.minimum(asked.place / STRIDE, features.shape[1] - 1).astype(np.float32)
        out = np.concatenate(
            [
                self.judge.run(
                    None,
                    {
                        "features": features[0],
                        "scene": np.repeat(scene, len(place[i : i + _BLOCK]), axis=0),
                        "place": place[i : i + _BLOCK],
                        "lines": asked.lines[i : i + _BLOCK],
                        "weight": asked.weight[i : i + _BLOCK],
                        "phases": asked.phases[i : i + _BLOCK],
                    },
                )[0]
                for i in range(0, len(rows), _BLOCK)
            ]
            or [np.empty((0, 2), np.float32)]
        ).astype(float)
        slope, offset = self.manifest["log_odds"]
        probability, share = np.full(len(sought), _LEAST), np.zeros(len(sought))
        probability[rows] = 1 / (1 + np.exp(-(slope * out[:, 0] + offset)))
        share[rows] = (1 / (1 + np.exp(-out[:, 1]))) ** 2
        return Opinion(probability, share)


@cache
def matcher() -> Matcher:
    """The matcher that comes with the package, loaded once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with (files("bragglens.match") / "matcher.zip").open("rb") as file, zipfile.ZipFile(file) as archive:
        encoder, judge = (
            onnxruntime.InferenceSession(archive.read(name), options, providers=["CPUExecutionProvider"])
            for name in ("encoder.onnx", "judge.onnx")
        )
        return Matcher(encoder, judge, json.loads(archive.read("manifest.json")))
