"""Reason: why an answer is not certain, in one sentence, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bragglens.crystal.essential import essential_elements
from bragglens.crystal.library import Library
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.posterior import Evidence, of_set, posterior

_NO_REASON = ("log_sum", "least", "phases")  # the probabilities of the phases, and their number
_AGREES = 0.003  # Δd/d; lattices of specimens of one compound differ by up to this
_LONGER = "a longer measurement"
_STANDARD = "an internal standard, which fixes zero and displacement"
_NARROWER = "the elements of the specimen, or a smaller library"


@dataclass(frozen=True)
class Reason:
    """What makes an answer uncertain.

    Attributes:
        because: the reason, as the end of a sentence that begins with "because".
        settled_by: a measurement or statement that would settle it.
    """

    because: str
    settled_by: str


def reason_of(answer: Identification, library: Library) -> Reason | None:
    """The reason why the verdict is not known or mixture; None where it is, and where nothing was fitted.

    It is the feature with the largest share of log odds against the set of phases or against one of them.
    """
    found = (*answer.phases, *answer.relatives)
    if answer.verdict in ("known", "mixture") or not found or answer.unexplained is None:
        return None
    weakest = min(found, key=lambda one: one.probability)
    if weakest.rivals and weakest.itself < answer.policy.sure:
        return Reason(f"{weakest.rivals[0]} fits about as well as {weakest.name}", _elements(weakest, library))
    whole = posterior().whole.evidence(of_set([one.probability for one in found], answer.unexplained))
    against_set, against = _strongest(whole), _strongest(weakest.why)
    if against is not None and (against_set is None or against.log_odds <= against_set.log_odds):
        return _of_phase(weakest, against, library)
    return _of_set(against_set, answer.unexplained)


def _strongest(evidence: Sequence[Evidence]) -> Evidence | None:
    """What speaks most against; None where nothing does. What no measurement changes is no reason."""
    against = (one for one in evidence if one.log_odds < 0 and one.name not in _NO_REASON)
    return min(against, key=lambda one: one.log_odds, default=None)


def _of_set(evidence: Evidence | None, unexplained: float) -> Reason:
    """The reason that the whole set gives, or where nothing speaks against it, that little speaks for it."""
    if evidence is None:
        return Reason("each phase is a little uncertain", _NARROWER)
    return Reason(f"{unexplained:.1%} of the peak intensity is unexplained", "a wider library")


def _of_phase(finding: Finding, evidence: Evidence, library: Library) -> Reason:
    """The reason that one feature of one phase gives."""
    name, value = finding.name, evidence.value
    rival, analysis = next((one for one, _ in finding.tried), None), _elements(finding, library)
    reasons = {
        "evidence": (f"the lines of {name} are weak", _LONGER),
        "residual": (f"the fit misses {value:.0%} of the intensity of the lines of {name}", "a rotated specimen"),
        "texture": (f"{name} has strong preferred orientation", "a side-loaded or spray-dried specimen"),
        "scatter": (f"single lines of {name} are {value:.0%} off", "a finer powder, or a rotated specimen"),
        "model_error": (f"calculated lines are off by {np.exp(value):.0%}", "a finer powder, or a rotated specimen"),
        "lines_there": (f"only {value:.0%} of the expected intensity of {name} is in the scan", "a rotated specimen"),
        "missing_line": (f"{name} lacks a line of {value:.0%} of its strongest", _LONGER),
        "unexplained": (f"{value:.1%} of the peak intensity is unexplained", "a wider library"),
        "lines": (f"{name} has few lines in the scan", "a wider range of 2θ"),
        "share": (f"{name} has little of the intensity", _LONGER),
        "cell": (_of_lattice(finding), _STANDARD),
        "identity": (f"other compounds of the structure type of {name} have nearly its lattice", analysis),
        "frequency": (f"{name} is rarely met", analysis),
        "margin": (f"{rival} fits about as well as {name}", analysis),
        "foreign_elements": (f"{name} has elements that no other phase has", analysis),
        "matcher": (f"the comparison of lines gives {name} a low probability", _NARROWER),
        "network": (f"the network gives {name} a low probability", _NARROWER),
    }  # fmt: skip
    return Reason(*reasons[evidence.name])


def _of_lattice(finding: Finding) -> str:
    """What the lattice says against a phase: it differs, or it has too few free lengths to be a proof."""
    strain = finding.strain or 0.0
    if strain < _AGREES:
        return f"the lattice of {finding.name} has few free lengths, so that it may agree by accident"
    return f"the lattice of {finding.name} differs by {strain:.2%} from the library's"


def _elements(finding: Finding, library: Library) -> str:
    """An analysis for the elements by which a phase differs from the best of those tried in its place."""
    both = [
        essential_elements(library[name])
        for name in (finding.name, *(n for n, _ in finding.tried[:1]))
        if name in library
    ]
    if not both:
        return "an analysis for its elements"
    differing = sorted(both[0].difference(*both[1:])) or sorted(both[0])
    return f"an analysis for {' and '.join(differing[:2])}"
