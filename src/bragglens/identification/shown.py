"""Shown: data in an answer from which its plots are drawn."""

from __future__ import annotations

from dataclasses import replace

from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Identification
from bragglens.identification.disagreement import Disagreement
from bragglens.identification.proposers import Proposer
from bragglens.identification.sketch import Sketch
from bragglens.learn.model import Model
from bragglens.simulate.instrument import Instrument, emission

_MOST_REFUSED = 2  # phases that only the network names: the most probable ones


def with_shown(answer: Identification, who: Proposer) -> Identification:
    """The answer with its `disagreement`, or its `sketch`.

    Args:
        answer: with its fit, or with the pattern that the network alone used.
        who: the proposer.
    """
    if answer.fit is not None:
        return replace(answer, disagreement=_disagreement(answer, answer.fit, who))
    if answer.pattern is not None and who.network is not None:
        return replace(answer, sketch=_sketch(answer, who.network))
    return answer


def _disagreement(answer: Identification, fit: Fit, who: Proposer) -> Disagreement | None:
    network, library, named_from = answer.probabilities or {}, who.library, answer.policy.named
    likeliest = sorted(network, key=lambda name: -network[name])
    refused = [name for name in likeliest if network[name] >= named_from and name not in fit.names][:_MOST_REFUSED]
    if not refused and not answer.phases and answer.nearest is not None:
        refused = [answer.nearest.name]
    doubted = [finding.name for finding in answer.phases if network.get(finding.name, 1.0) < named_from]
    if not refused and not doubted:
        return None
    return Disagreement(
        fit=fit,
        refused=tuple(library[name] for name in refused),
        doubted=tuple(doubted),
        pattern=answer.pattern,
        network=who.network,
    )


def _sketch(answer: Identification, model: Model) -> Sketch:
    pattern, library = answer.pattern, model.library
    assert pattern is not None
    shown = answer.phases or ((answer.nearest,) if answer.nearest else ())
    wavelength = model.preparation.wavelength
    lines = emission(str(model.recipe.get("wavelength", wavelength)))  # a doublet if it was trained on one
    return Sketch(
        pattern=pattern,
        wavelength=wavelength,
        instrument=Instrument(lines),
        phases=tuple(library[finding.name] for finding in shown),
        named=bool(answer.phases),
    )
