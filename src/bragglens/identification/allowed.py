"""Allowed: which phases of a library may be named, by the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bragglens.crystal.choice import Elements, element_choice, read_choice
from bragglens.crystal.essential import essential_elements
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.errors import BragglensError
from bragglens.fit.candidate import Candidate
from bragglens.identification.options import Options
from bragglens.identification.sources import Source, proposer_of


def check(model: Source, options: Options) -> tuple[str, ...]:
    """Refuse options with which no scan can be identified, and give the names of the phases that may be named.

    Raises:
        BragglensError: an option is not possible with these phases.
    """
    who = proposer_of(model)
    if options.network_only and not who.answers_alone:
        raise BragglensError("--network-only needs a trained network: leave it out, or give a --model")
    library = who.library
    allowed = allowed_phases(library.phases, options.elements)
    standard = spelled(options, library).standard
    if standard is None:
        return allowed
    name = standard[0]
    if name not in library.names:
        near = ", ".join(library.near(name))
        raise BragglensError(f"standard '{name}': the library has no such phase: give one of its names, such as {near}")
    return (*allowed, *({name} - set(allowed)))


def spelled(options: Options, library: Library) -> Options:
    """The options with the name of the standard as the library spells it."""
    if options.standard is None:
        return options
    name, weight = options.standard
    return replace(options, standard=(library.spelled(name) or name, weight))


def allowed_phases(phases: Sequence[Phase], elements: Elements | None) -> tuple[str, ...]:
    """Names of the phases that a choice of elements allows.

    Only the essential elements of a phase count (`essential_elements`): a phase whose structure was refined on a
    crystal with some iron is allowed where iron is not named.

    Args:
        phases: of the library.
        elements: see `read_choice`.

    Raises:
        BragglensError: a symbol is not an element, or no phase remains.
    """
    if elements is None:
        return tuple(phase.name for phase in phases)
    chosen, words = element_choice(elements), str(read_choice(elements))
    left = tuple(phase.name for phase in phases if chosen(essential_elements(phase)))
    if not left:
        raise BragglensError(f"elements '{words}': exclude every phase of the library: allow more elements")
    return left


def allowed_others(others: Sequence[Candidate], elements: Elements | None) -> tuple[Candidate, ...]:
    """Those candidates without a crystal structure that a choice of elements allows, or whose elements are not known.

    Args:
        others: of a catalogue.
        elements: see `read_choice`.
    """
    chosen = element_choice(elements)
    return tuple(one for one in others if not one.elements or chosen(one.elements))
