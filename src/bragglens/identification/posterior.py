"""Posterior: probabilities from features, by tables that `benchmarks/fit_confidence.py` fits.

Each table is additive: the log odds are a constant and one piecewise linear, monotone function of each feature. The
contribution of each feature is therefore its share of the log odds, and is reported with the answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from bragglens.identification.identity import Frequency

_LEAST = 1e-6  # a probability nearer to 0 or 1 says no more of a set


@dataclass(frozen=True)
class Evidence:
    """What one feature says.

    Attributes:
        name: of the feature.
        value: its value.
        log_odds: its share of the log odds; 0 is what it says of most phases that are present.
    """

    name: str
    value: float
    log_odds: float


@dataclass(frozen=True)
class Term:
    """A piecewise linear function of a feature, constant beyond its ends.

    Attributes:
        at: values of the feature, ascending.
        log_odds: the function there.
    """

    at: tuple[float, ...]
    log_odds: tuple[float, ...]

    def of(self, value: float) -> float:
        """The share of the log odds."""
        return float(np.interp(value, self.at, self.log_odds))


@dataclass(frozen=True)
class Additive:
    """Log odds that are a sum over features.

    Attributes:
        constant: log odds where every feature says what it usually does.
        terms: the function of each feature.
    """

    constant: float
    terms: Mapping[str, Term]

    def evidence(self, features: Mapping[str, float]) -> tuple[Evidence, ...]:
        """What each feature says; a feature without a function says nothing."""
        return tuple(
            Evidence(name, value, self.terms[name].of(value) if name in self.terms else 0.0)
            for name, value in features.items()
        )

    def probability(self, features: Mapping[str, float]) -> float:
        """The probability. A missing feature says what it usually does."""
        odds = self.constant + sum(one.log_odds for one in self.evidence(features))
        return 1 / (1 + math.exp(-odds))


@dataclass(frozen=True)
class Posterior:
    """The fitted tables.

    Attributes:
        present: that a phase or another one of its structure type and lattice is present.
        itself: that it is the phase itself, if one of its type is present.
        whole: that the named phases are all that are present.
        frequency: how often a phase is met.
        identity: hash and date of the fit, as each answer names it.
    """

    present: Additive
    itself: Additive
    whole: Additive
    frequency: Frequency
    identity: str

    def probability_itself(self, features: Mapping[str, float]) -> float:
        """Probability that a phase is itself: by the table, and no more than its rivals leave."""
        return min(self.itself.probability(features), math.exp(features.get("rivals", 0.0)))

    def probability_whole(self, probabilities: Sequence[float], unexplained: float) -> float:
        """Probability that phases of these probabilities are all that is present: no more than that of each of them."""
        return min(self.whole.probability(of_set(probabilities, unexplained)), *probabilities)

    def why(self, features: Mapping[str, float]) -> tuple[Evidence, ...]:
        """What each feature says of a phase: the sum of its shares in `present` and in `itself`."""
        pairs = zip(self.present.evidence(features), self.itself.evidence(features), strict=True)
        return tuple(Evidence(a.name, a.value, round(a.log_odds + b.log_odds, 3)) for a, b in pairs)


def of_set(probabilities: Sequence[float], unexplained: float) -> dict[str, float]:
    """The features of a set of phases.

    Args:
        probabilities: of its phases, at least one.
        unexplained: share of the peak intensity that they do not explain.

    Returns:
        log_sum: ln of the product of the probabilities. least: log odds of the least one. unexplained: as given.
        phases: their number.
    """
    held = np.clip(np.array(probabilities), _LEAST, 1 - _LEAST)
    least = float(held.min())
    return {
        "log_sum": float(np.log(held).sum()),
        "least": math.log(least / (1 - least)),
        "unexplained": unexplained,
        "phases": float(len(held)),
    }


def posterior_of(table: Mapping[str, Any]) -> Posterior:
    """The posterior of a JSON object."""

    def additive(part: Mapping[str, Any]) -> Additive:
        terms = {name: Term(tuple(one["at"]), tuple(one["log_odds"])) for name, one in part["terms"].items()}
        return Additive(float(part["constant"]), terms)

    parts = {name: additive(table[name]) for name in ("present", "itself", "whole")}
    return Posterior(**parts, frequency=Frequency(**table["frequency"]), identity=f"{table['hash']} {table['date']}")


@cache
def posterior() -> Posterior:
    """The posterior that comes with the package."""
    return posterior_of(json.loads((files("bragglens") / "data" / "confidence.json").read_text()))
