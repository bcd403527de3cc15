"""Stream: simulated scans, and for each scan the phases to judge: those that are present, and others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.match.features import Features, channels, line_features, scaled
from bragglens.match.line_matching import match_lines, peaks
from bragglens.match.reference_lines import GRID, ReferenceLines, reference_lines
from bragglens.simulate.draws import Draws
from bragglens.simulate.lines import Lines
from bragglens.simulate.mixture import Content
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import render_per_gram
from bragglens.simulate.scans import Mixtures, Scans, mixtures

Array32 = NDArray[np.float32]
Random = np.random.Generator

QUESTIONS = 32  # phases to judge in a sample
HARD_NEGATIVES = 18  # of them absent phases that explain much of the scan
HARD_POOL = 100  # number of absent phases that explain most; the hard negatives are drawn from them
OUTSIDE = 400  # number of phases outside the library that samples are drawn from
_HALF_KNOWN = 0.5  # share of samples in which phases may be explained already
_HEIGHT_ERROR = 0.35  # largest standard deviation of ln(height) between structure and specimen
_CELL_ERROR = 0.002  # relative, of the lattice, in addition to the strain of the recipe
_FIT_ERROR = 0.06  # relative error of a fit of known phases


@dataclass(frozen=True)
class Questions:
    """Samples, and the phases to judge in each.

    Attributes:
        x: channels of the scans, (batch, CHANNELS, points).
        features: features of each sample and phase, tables stacked to (batch, questions, …).
        present: 1 if the phase is present, visible and not explained already, (batch, questions).
        loss_mask: 0 if no answer is wrong: the phase is hidden by noise, explained already, or indistinguishable from
            one that is present.
        share: share of the diffracted intensity, (batch, questions).
        weight: number of phases of the library that each phase stands for, (batch, questions).
    """

    x: Array32
    features: Features
    present: Array32
    loss_mask: Array32
    share: Array32
    weight: Array32


class _Sample(NamedTuple):
    """A scan, and for each of its phases of the library: index, weight, whether it is visible, whether it is known."""

    random: Random
    counts: Array32
    explained: NDArray[np.float64]
    covered: NDArray[np.bool_]
    phase: NDArray[np.int64]
    weight: NDArray[np.float64]
    visible: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Stream:
    """Source of samples.

    Attributes:
        mixtures: source of the scans.
        reference: reference lines of the library's phases.
        alike: mask of indistinguishable patterns, (phases, phases). It is true on the diagonal.
    """

    mixtures: Mixtures
    reference: ReferenceLines
    alike: NDArray[np.bool_]

    def batch(self, first: int, count: int) -> Questions:
        """Samples first ... first + count - 1."""
        questions = [self._questions(sample) for sample in _samples(self.mixtures, self.mixtures.scans(first, count))]

        def stacked(name: str) -> Array32:
            return np.stack([getattr(one, name) for one in questions])

        tables = zip(*(one.features for one in questions), strict=True)
        plain = {field.name: stacked(field.name) for field in fields(Questions) if field.name != "features"}
        return Questions(features=Features(*(np.stack(table) for table in tables)), **plain)

    def _questions(self, sample: _Sample) -> Questions:
        intensity, explained = scaled(sample.counts, sample.covered, sample.explained)
        found = peaks(intensity, sample.covered, explained)
        there = len(sample.phase)
        chosen = self._chosen(sample, match_lines(found, self.reference).rank)
        seen = sample.visible & ~sample.known
        distinguishable = ~self.alike[np.ix_(chosen[there:], sample.phase)].any(axis=1)
        area = sample.weight * self.reference.area[sample.phase]
        rest = np.zeros(QUESTIONS - there)
        lines = _augmented(self.reference.of(chosen), sample.random)
        return Questions(
            x=channels(intensity, sample.covered, explained),
            features=line_features(lines, match_lines(found, lines)),
            present=np.concatenate([seen, rest]).astype(np.float32),
            loss_mask=np.concatenate([seen, distinguishable]).astype(np.float32),
            share=np.concatenate([area / max(float(area.sum()), 1e-30), rest]).astype(np.float32),
            weight=self._weight(there),
        )

    def _chosen(self, sample: _Sample, rank: Array32) -> NDArray[np.int64]:
        """Phases to judge: those that are present, hard negatives, and some at random."""
        absent = np.ones(len(self.reference), dtype=bool)
        absent[sample.phase] = False
        order = np.argsort(-rank, kind="stable")
        hard = sample.random.choice(order[absent[order]][:HARD_POOL], HARD_NEGATIVES, replace=False)
        absent[hard] = False
        others = QUESTIONS - len(sample.phase) - HARD_NEGATIVES
        return np.concatenate([sample.phase, hard, sample.random.choice(np.flatnonzero(absent), others, replace=False)])

    def _weight(self, there: int) -> Array32:
        """Weights of the phases: 1 for present ones. Hard negatives stand for their pool, others for the rest."""
        rest, others = len(self.reference) - there - HARD_POOL, QUESTIONS - there - HARD_NEGATIVES
        weights = np.array([1.0, HARD_POOL / HARD_NEGATIVES, rest / others], np.float32)
        return np.repeat(weights, [there, HARD_NEGATIVES, others])


def open_stream(library: Library, lines: Lines, alike: NDArray[np.bool_], recipe: Recipe, *, seed: int) -> Stream:
    """Prepare the reflections of a library, and of phases outside it, once."""
    return Stream(mixtures(library, recipe, GRID, seed=seed, outside=OUTSIDE), reference_lines(lines), alike)


def _samples(source: Mixtures, scans: Scans) -> list[_Sample]:
    """The scans one by one, with some phases of some scans explained already."""
    known = _known(scans.drawn, scans.content)
    explained = _explained(source, scans, known)
    phase, weight = scans.content.phase, scans.content.weight
    own = (phase >= 0) & (phase < source.library)
    return [
        _Sample(
            random=np.random.default_rng([source.seed, int(number)]),
            counts=scans.counts[i],
            explained=explained[i],
            covered=scans.covered[i],
            phase=phase[i, own[i]],
            weight=weight[i, own[i]],
            visible=scans.visible[i, own[i]],
            known=known[i, own[i]],
        )
        for i, number in enumerate(scans.drawn.samples)
    ]


def _known(drawn: Draws, content: Content) -> NDArray[np.bool_]:
    """Phases that are explained already: in half of the samples, each phase with a probability of one half."""
    some = drawn.uniform("some known")[:, :1] < _HALF_KNOWN
    return np.asarray(some & (drawn.uniform("known", content.phase.shape[1]) < 0.5) & (content.phase >= 0))


def _explained(source: Mixtures, scans: Scans, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Counts that a fit of the known phases would give, with errors, as no calculated line is exactly right."""
    conditions = scans.conditions
    whole = render_per_gram(source.packed, conditions, source.grid)
    slots = known.shape[1]
    parts = conditions.phase.shape[1] // slots  # two if some phases have lines that stacking faults broaden

    def fit_error(name: str) -> NDArray[np.float64]:
        return np.tile(1 + _FIT_ERROR * (2 * scans.drawn.uniform(name, slots) - 1), parts)

    known = np.tile(known, parts)
    part = conditions._replace(
        phase=np.where(known, conditions.phase, -1),
        weight=np.where(known, conditions.weight * fit_error("misjudged"), 0.0),
        march=conditions.march * fit_error("bent"),
    )
    top = np.maximum(whole.max(axis=1, keepdims=True), 1e-30)
    return np.asarray(
        render_per_gram(source.packed, part, source.grid) / top * np.maximum(conditions.counts, 1.0)[:, None]
    )


def _augmented(lines: ReferenceLines, random: Random) -> ReferenceLines:
    """Augmented lines: random errors of heights and cell, as the structure never matches the specimen exactly."""
    phases = len(lines)
    height_factor = np.exp(random.uniform(0, _HEIGHT_ERROR, (phases, 1)) * random.standard_normal(lines.height.shape))
    height = lines.height * height_factor
    expansion = _CELL_ERROR * random.standard_normal((phases, 1))
    angle = lines.angle - np.degrees(2 * np.tan(np.radians(lines.angle / 2)) * expansion)
    return ReferenceLines(
        np.clip(angle, GRID.start, GRID.stop).astype(np.float32),
        (height / np.maximum(height.max(axis=1, keepdims=True), 1e-12)).astype(np.float32),
        lines.area,
    )
