"""Identification: the answer for one scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bragglens.scan.pattern import Pattern

SCHEMA = 1
Verdict = Literal["known", "mixture", "partly unknown", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One phase that the scan is said to hold.

    Attributes:
        name: the phase's name in the library.
        probability: that it is there.
        weight_percent: share of the crystalline mass, or None where it was not determined.
        weight_percent_error: half of the 95% interval, or None.
        rivals: phases of nearly the same pattern, any of which may be there in its place.
    """

    name: str
    probability: float
    weight_percent: float | None = None
    weight_percent_error: float | None = None
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identification:
    """What a scan holds. What is not known is None, never zero.

    Attributes:
        file: the scan's file or name.
        model: name of the model that was asked.
        verdict: `known` (one phase), `mixture`, `partly unknown` (phases and something else), `unknown` (no phase of
            the library), or None where the scan could not be judged.
        phases: what was found, the most probable first.
        probabilities: probability of every phase of the library by name.
        stranger: probability that something outside the library is there too, or None where the model cannot tell.
        unexplained: share of the intensity that the phases do not explain.
        rwp: weighted profile R of the fit.
        wavelength: Å of the scan's strongest line, as stated in the file or by the user.
        seconds: time it took.
        error: why the scan could not be judged, in one sentence.
        notes: what the reader had to do to the file.
        pattern: the scan on the model's grid.
    """

    file: str
    model: str
    verdict: Verdict | None
    phases: tuple[Finding, ...] = ()
    probabilities: dict[str, float] | None = None
    stranger: float | None = None
    unexplained: float | None = None
    rwp: float | None = None
    wavelength: float | None = None
    seconds: float | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    pattern: Pattern | None = None

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values (schema 1: fields are added, never changed)."""
        return {
            "file": self.file,
            "verdict": self.verdict,
            "phases": [vars(finding) for finding in self.phases],
            "unexplained": self.unexplained,
            "rwp": self.rwp,
            "seconds": self.seconds,
            "error": self.error,
            "probabilities": self.probabilities,
            "stranger": self.stranger,
            "wavelength": self.wavelength,
            "notes": list(self.notes),
        }


def document(model: str, identifications: list[Identification]) -> dict[str, Any]:
    """The object that `bragglens identify --json` writes."""
    return {"schema": SCHEMA, "model": model, "scans": [one.to_dict() for one in identifications]}
