"""Stream: simulated scans, and of each the phases that are asked for: those that are there, and look-alikes."""

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

QUESTIONS = 32  # phases that a sample is asked for
HARD_NEGATIVES = 18  # of them so many that explain much of the scan and are not there
HARD_POOL = 100  # drawn from so many that explain most
OUTSIDE = 400  # phases outside the library that samples hold
_HALF_KNOWN = 0.5  # share of samples of several phases of which some are already explained
_HEIGHT_ERROR = 0.35  # largest standard deviation of ln(height) by which a structure misses the lines of a specimen
_CELL_ERROR = 0.002  # relative, of the lattice, beyond what the recipe strains it
_FIT_ERROR = 0.06  # relative; what a fit of known phases leaves over of their lines


@dataclass(frozen=True)
class Questions:
    """Samples and what is asked of them.

    Attributes:
        x: channels of the scans, (batch, CHANNELS, points).
        features: of each sample and phase that is asked for, its tables stacked (batch, questions, …).
        present: 1 where the phase is there, (batch, questions).
        loss_mask: 0 where neither answer is right: it drowns in noise, is known already, or looks like one that is
            there.
        share: of the intensity that it gives, (batch, questions).
        weight: how many phases of the library each phase that is asked for stands for, (batch, questions).
    """

    x: Array32
    features: Features
    present: Array32
    loss_mask: Array32
    share: Array32
    weight: Array32


class _Sample(NamedTuple):
    """A scan, and for each of its phases of the library: which, how much, whether it shows and is known already."""

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
    """Where samples come from.

    Attributes:
        mixtures: the scans.
        reference: lines of the library's phases.
        alike: phases that powder patterns hardly tell apart, (phases, phases); each is like itself.
    """

    mixtures: Mixtures
    reference: ReferenceLines
    alike: NDArray[np.bool_]

    def batch(self, first: int, count: int) -> Questions:
        """Samples first ... first + count - 1."""
        asked = [self._ask(sample) for sample in _samples(self.mixtures, self.mixtures.scans(first, count))]

        def stacked(name: str) -> Array32:
            return np.stack([getattr(one, name) for one in asked])

        tables = zip(*(one.features for one in asked), strict=True)
        plain = {field.name: stacked(field.name) for field in fields(Questions) if field.name != "features"}
        return Questions(features=Features(*(np.stack(table) for table in tables)), **plain)

    def _ask(self, sample: _Sample) -> Questions:
        intensity, explained = scaled(sample.counts, sample.covered, sample.explained)
        found = peaks(intensity, sample.covered, explained)
        there = len(sample.phase)
        chosen = self._chosen(sample, match_lines(found, self.reference).rank)
        seen = sample.visible & ~sample.known
        unlike = ~self.alike[np.ix_(chosen[there:], sample.phase)].any(axis=1)
        area = sample.weight * self.reference.area[sample.phase]
        rest = np.zeros(QUESTIONS - there)
        lines = _augmented(self.reference.of(chosen), sample.random)
        return Questions(
            x=channels(intensity, sample.covered, explained),
            features=line_features(lines, match_lines(found, lines)),
            present=np.concatenate([seen, rest]).astype(np.float32),
            loss_mask=np.concatenate([seen, unlike]).astype(np.float32),
            share=np.concatenate([area / max(float(area.sum()), 1e-30), rest]).astype(np.float32),
            weight=self._weight(there),
        )

    def _chosen(self, sample: _Sample, rank: Array32) -> NDArray[np.int64]:
        """Phases to ask for: those there, some that explain much, and some at random."""
        absent = np.ones(len(self.reference), dtype=bool)
        absent[sample.phase] = False
        order = np.argsort(-rank, kind="stable")
        hard = sample.random.choice(order[absent[order]][:HARD_POOL], HARD_NEGATIVES, replace=False)
        absent[hard] = False
        others = QUESTIONS - len(sample.phase) - HARD_NEGATIVES
        return np.concatenate([sample.phase, hard, sample.random.choice(np.flatnonzero(absent), others, replace=False)])

    def _weight(self, there: int) -> Array32:
        """Those there stand for themselves, the hard ones for those they were drawn from, the others for the rest."""
        rest, others = len(self.reference) - there - HARD_POOL, QUESTIONS - there - HARD_NEGATIVES
        weights = np.array([1.0, HARD_POOL / HARD_NEGATIVES, rest / others], np.float32)
        return np.repeat(weights, [there, HARD_NEGATIVES, others])


def open_stream(library: Library, lines: Lines, alike: NDArray[np.bool_], recipe: Recipe, *, seed: int) -> Stream:
    """Prepare a library's reflections, and those of phases outside it, once."""
    return Stream(mixtures(library, recipe, GRID, seed=seed, outside=OUTSIDE), reference_lines(lines), alike)


def _samples(source: Mixtures, scans: Scans) -> list[_Sample]:
    """The scans one by one, some phases of some of them explained already."""
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
    """Phases that are explained already, of half of the samples each phase with a chance of one half."""
    some = drawn.uniform("some known")[:, :1] < _HALF_KNOWN
    return np.asarray(some & (drawn.uniform("known", content.phase.shape[1]) < 0.5) & (content.phase >= 0))


def _explained(source: Mixtures, scans: Scans, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Counts that a fit of the known phases would give, about: no calculated line is exactly right."""
    conditions = scans.conditions
    whole = render_per_gram(source.packed, conditions, source.grid)
    slots = known.shape[1]
    parts = conditions.phase.shape[1] // slots  # two where some phases have lines that faults blur

    def misjudged(name: str) -> NDArray[np.float64]:
        return np.tile(1 + _FIT_ERROR * (2 * scans.drawn.uniform(name, slots) - 1), parts)

    known = np.tile(known, parts)
    part = conditions._replace(
        phase=np.where(known, conditions.phase, -1),
        weight=np.where(known, conditions.weight * misjudged("misjudged"), 0.0),
        march=conditions.march * misjudged("bent"),
    )
    top = np.maximum(whole.max(axis=1, keepdims=True), 1e-30)
    return np.asarray(
        render_per_gram(source.packed, part, source.grid) / top * np.maximum(conditions.counts, 1.0)[:, None]
    )


def _augmented(lines: ReferenceLines, random: Random) -> ReferenceLines:
    """Lines as a structure gives them that is not quite the one in the scan: another composition, another cell."""
    phases = len(lines)
    bent = np.exp(random.uniform(0, _HEIGHT_ERROR, (phases, 1)) * random.standard_normal(lines.height.shape))
    height = lines.height * bent
    swollen = _CELL_ERROR * random.standard_normal((phases, 1))
    angle = lines.angle - np.degrees(2 * np.tan(np.radians(lines.angle / 2)) * swollen)
    return ReferenceLines(
        np.clip(angle, GRID.start, GRID.stop).astype(np.float32),
        (height / np.maximum(height.max(axis=1, keepdims=True), 1e-12)).astype(np.float32),
        lines.area,
    )
