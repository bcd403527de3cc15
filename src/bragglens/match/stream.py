"""Stream: scans made on the fly, and of each the phases that are asked for: those that are there, and look-alikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.match.meet import meet, peaks
from bragglens.match.question import Question, channels, question, scaled
from bragglens.match.sought import GRID, Sought, sought
from bragglens.simulate.draws import Draws, draws
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.lines import Lines
from bragglens.simulate.mixture import Content, draw_conditions, draw_mixtures, strongest
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack_apart, reflections_in_range, render, render_per_gram
from bragglens.simulate.strangers import stranger

Array32 = NDArray[np.float32]
Random = np.random.Generator

VISIBLE = 3.0  # as for the networks of a library
ASKED = 32  # phases that a sample is asked for
_HARD = 18  # of them so many that explain much of the scan and are not there
_AMONG = 100  # drawn from so many that explain most
_STRANGERS = 400
_HALF_KNOWN = 0.5  # share of samples of several phases of which some are already explained
_BENT = 0.35  # largest standard deviation of ln(height) by which a structure misses the lines of a real specimen
_SWOLLEN = 0.002  # relative, of the lattice, beyond what the recipe strains it
_MISJUDGED = 0.06  # relative; what a fit of known phases leaves over of their lines


@dataclass(frozen=True)
class Asked:
    """Samples and what is asked of them.

    Attributes:
        x: channels of the scans, (batch, CHANNELS, points).
        question: of each sample and asked phase, its tables stacked (batch, asked, …).
        present: 1 where the phase is there, (batch, asked).
        counted: 0 where neither answer is right: it drowns in noise, is known already, or looks like one that is there.
        share: of the intensity that it gives, (batch, asked).
        worth: how many phases of the library each asked phase stands for, (batch, asked).
    """

    x: Array32
    question: Question
    present: Array32
    counted: Array32
    share: Array32
    worth: Array32


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
        sought: lines of the library's phases.
        alike: phases that powder patterns hardly tell apart, (phases, phases); each is like itself.
        packed: their reflections, and those of strangers behind them, the lines that stacking faults blur apart.
        recipe: what varies.
        seed: sample i comes from (seed, i).
    """

    sought: Sought
    alike: NDArray[np.bool_]
    packed: PackedPhases
    recipe: Recipe
    seed: int

    def batch(self, first: int, count: int) -> Asked:
        """Samples first ... first + count - 1."""
        asked = [self._ask(sample) for sample in self._samples(draws(self.seed, first, count))]

        def stacked(name: str) -> Array32:
            return np.stack([getattr(one, name) for one in asked])

        tables = zip(*(one.question for one in asked), strict=True)
        plain = {field.name: stacked(field.name) for field in fields(Asked) if field.name != "question"}
        return Asked(question=Question(*(np.stack(table) for table in tables)), **plain)

    def _samples(self, drawn: Draws) -> Iterator[_Sample]:
        content = draw_mixtures(self.recipe, drawn, library=len(self.sought), strangers=_STRANGERS)
        conditions = draw_conditions(self.recipe, drawn, content, self.packed, GRID)
        rendered = render(self.packed, conditions, GRID, seed=self.seed)
        shown = strongest(rendered.signal, content.phase.shape[1])
        known = _known(drawn, content)
        explained = _explained(self.packed, drawn, conditions, known)
        for i, number in enumerate(drawn.samples):
            first, last = conditions.span[i]
            own = (content.phase[i] >= 0) & (content.phase[i] < len(self.sought))
            yield _Sample(
                random=np.random.default_rng([self.seed, int(number)]),
                counts=rendered.intensity[i],
                explained=explained[i],
                covered=(GRID.two_theta >= first) & (GRID.two_theta <= last),
                phase=content.phase[i, own],
                weight=content.weight[i, own],
                visible=shown[i, own] >= VISIBLE,
                known=known[i, own],
            )

    def _ask(self, sample: _Sample) -> Asked:
        intensity, explained = scaled(sample.counts, sample.covered, sample.explained)
        found = peaks(intensity, sample.covered, explained)
        there = len(sample.phase)
        chosen = self._chosen(sample, meet(found, self.sought).rank)
        seen = sample.visible & ~sample.known
        unlike = ~self.alike[np.ix_(chosen[there:], sample.phase)].any(axis=1)
        area = sample.weight * self.sought.area[sample.phase]
        rest = np.zeros(ASKED - there)
        lines = _worn(self.sought.of(chosen), sample.random)
        return Asked(
            x=channels(intensity, sample.covered, explained),
            question=question(lines, meet(found, lines)),
            present=np.concatenate([seen, rest]).astype(np.float32),
            counted=np.concatenate([seen, unlike]).astype(np.float32),
            share=np.concatenate([area / max(float(area.sum()), 1e-30), rest]).astype(np.float32),
            worth=self._worth(there),
        )

    def _chosen(self, sample: _Sample, rank: Array32) -> NDArray[np.int64]:
        """Phases to ask for: those there, some that explain much, and some at random."""
        absent = np.ones(len(self.sought), dtype=bool)
        absent[sample.phase] = False
        order = np.argsort(-rank, kind="stable")
        hard = sample.random.choice(order[absent[order]][:_AMONG], _HARD, replace=False)
        absent[hard] = False
        others = ASKED - len(sample.phase) - _HARD
        return np.concatenate([sample.phase, hard, sample.random.choice(np.flatnonzero(absent), others, replace=False)])

    def _worth(self, there: int) -> Array32:
        """Those there stand for themselves, the hard ones for those they were drawn from, the others for the rest."""
        rest, others = len(self.sought) - there - _AMONG, ASKED - there - _HARD
        return np.repeat(np.array([1.0, _AMONG / _HARD, rest / others], np.float32), [there, _HARD, others])


def open_stream(library: Library, lines: Lines, alike: NDArray[np.bool_], recipe: Recipe, *, seed: int) -> Stream:
    """Prepare a library's reflections, and those of strangers, once."""
    phases = [*library.phases, *(stranger(i) for i in range(_STRANGERS))]
    crystals = reflections_in_range(phases, recipe.lines, GRID, margin=recipe.strain_margin)
    return Stream(sought(lines), alike, pack_apart(crystals, recipe.lines), recipe, seed)


def _known(drawn: Draws, content: Content) -> NDArray[np.bool_]:
    """Phases that are explained already, of half of the samples each phase with a chance of one half."""
    some = drawn.uniform("some known")[:, :1] < _HALF_KNOWN
    return np.asarray(some & (drawn.uniform("known", content.phase.shape[1]) < 0.5) & (content.phase >= 0))


def _explained(
    packed: PackedPhases, drawn: Draws, conditions: Conditions, known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Counts that a fit of the known phases would give, about: no calculated line is exactly right."""
    whole = render_per_gram(packed, conditions, GRID)
    slots = known.shape[1]
    parts = conditions.phase.shape[1] // slots  # two where some phases have lines that faults blur

    def misjudged(name: str) -> NDArray[np.float64]:
        return np.tile(1 + _MISJUDGED * (2 * drawn.uniform(name, slots) - 1), parts)

    known = np.tile(known, parts)
    part = conditions._replace(
        phase=np.where(known, conditions.phase, -1),
        weight=np.where(known, conditions.weight * misjudged("misjudged"), 0.0),
        march=conditions.march * misjudged("bent"),
    )
    top = np.maximum(whole.max(axis=1, keepdims=True), 1e-30)
    return np.asarray(render_per_gram(packed, part, GRID) / top * np.maximum(conditions.counts, 1.0)[:, None])


def _worn(sought: Sought, random: Random) -> Sought:
    """Lines as a structure gives them that is not quite the one in the scan: another composition, another cell."""
    phases = len(sought)
    bent = np.exp(random.uniform(0, _BENT, (phases, 1)) * random.standard_normal(sought.height.shape))
    height = sought.height * bent
    swollen = _SWOLLEN * random.standard_normal((phases, 1))
    angle = sought.angle - np.degrees(2 * np.tan(np.radians(sought.angle / 2)) * swollen)
    return Sought(
        np.clip(angle, GRID.start, GRID.stop).astype(np.float32),
        (height / np.maximum(height.max(axis=1, keepdims=True), 1e-12)).astype(np.float32),
        sought.area,
    )
