"""Identify: a scan and a model in, an Identification out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from bragglens.crystal.choice import element_choice, named_elements
from bragglens.crystal.essential import essential_elements
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.errors import BragglensError, ScanError
from bragglens.identify.asked import Asked, library_of
from bragglens.identify.axis import BADLY, another_axis, offset_notice
from bragglens.identify.identification import Finding, Identification, Verdict
from bragglens.identify.shortlist import SMALL, additions, matched, rest, shortlist
from bragglens.identify.verify import Verified, verify
from bragglens.learn.model import Model
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.match.matcher import Opinion
from bragglens.scan.prepare import to_grid
from bragglens.scan.read import read_scan, read_scans
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import strongest_line

THRESHOLD = 0.5  # of the network's probabilities, where it answers alone
# Probability of each phase from which on the verdict may be known, or mixture. Of some 570 simulated minerals that a
# library of thousands lacked six were then known by another name, at 0.9 nine: other draws than those that
# benchmarks/thousands.py asks.
SURE = 0.92
UNEXPLAINED = 0.1  # share of the peaks' intensity that may be missed before a scan is called partly unknown
CERTAIN = 0.9  # two phases of nearly the same pattern are both named only beyond this
LEAST_RIVAL = 0.1


class Options(TypedDict, total=False):
    """How a scan is to be looked at.

    Attributes:
        wavelength: Å of the scan's strongest line; wins over what the file states.
        elements: narrows the candidates, see `allowed_phases`; a standard is always one. Of phases that explain the
            scan about as well those are preferred that leave none of the named elements without a phase.
        network_only: leaves out the fit: far faster, without fractions, and more easily deceived by strangers.
        particle_size: diameter of the grains in µm for the correction of microabsorption; None takes a usual one and
            widens the errors by what that may be wrong (`quantify.quantify`).
        standard: name and wt% of a phase of the library that was added to the specimen.
    """

    wavelength: float | None
    elements: str | None
    network_only: bool
    particle_size: float | None
    standard: tuple[str, float] | None


def identify(scan: Scan, model: Asked, **options: Unpack[Options]) -> Identification:
    """Tell which phases of a library a scan holds, how much of each, and what stays unexplained.

    Args:
        scan: as read.
        model: a trained model; or a library, or its catalogue, which the matcher then judges and the fit proves.
        options: see `Options`; all may be left out.

    Raises:
        ScanError: the wavelength is neither stated nor in the file, or the scan covers too little of the model's grid.
        BragglensError: an option is not possible (`check`), or the standard is not in the scan.
    """
    started = time.perf_counter()
    model = catalogue(model) if isinstance(model, Library) else model
    stated = options.get("wavelength") or scan.wavelength
    if stated is None:
        raise ScanError(f"{scan.name}: the file does not state its wavelength: give it, for example --wavelength CuKa")
    used = strongest_line(stated)
    library = model.library
    allowed = check(model, options)
    given = {key: value for key, value in options.items() if value is not None}
    asked = Identification(
        scan.name, source(model), None, wavelength=used, notes=scan.notes, metadata=scan.metadata, options=given
    )
    try:
        answer, opinion = _opinion(asked, scan, model, allowed)
    except ScanError as error:  # it covers too little of the grid, maybe because its axis is not what it was taken for
        few = _phases(library, allowed) if len(allowed) <= SMALL else ()  # thousands would take minutes
        notice = another_axis(scan, few, wavelength=used) if few else None
        raise ScanError("; ".join([str(error), *([notice] if notice else [])])) from error
    if options.get("network_only"):
        assert isinstance(model, Model)  # `check` has refused the rest
        answer = _by_network(answer, findings(answer.probabilities or {}, model.alike))
    else:
        answer = _proven(answer, scan, model, opinion, allowed, options)
        answer = replace(
            answer, notes=(*answer.notes, *_notices(answer, scan, _phases(library, tuple(answer.probabilities or ()))))
        )
    return replace(answer, seconds=time.perf_counter() - started)


def identify_file(path: str | Path, model: Asked, **options: Unpack[Options]) -> Identification:
    """Read a file and identify it; what goes wrong becomes the answer's `error`, so that a batch goes on."""
    try:
        answer = identify(read_scan(path), model, **options)
    except BragglensError as error:
        return Identification(file=str(path), model=source(model), verdict=None, error=str(error))
    return replace(answer, file=str(path))


def identify_each(path: str | Path, model: Asked, **options: Unpack[Options]) -> Iterator[Identification]:
    """Identify every scan of a file, one after the other, as `identify_file` does; of several, `FILE#1`, `FILE#2`, ...

    Repeats of one measurement are told apart too: a sample that changes under the beam looks like repeats.
    """
    try:
        yield from identify_scans(read_scans(path), str(path), model, **options)
    except BragglensError as error:
        yield Identification(file=str(path), model=source(model), verdict=None, error=str(error))


def identify_scans(
    scans: Sequence[Scan], file: str, model: Asked, **options: Unpack[Options]
) -> Iterator[Identification]:
    """Identify the scans of one file, called `file`; one that cannot be judged stops no other."""
    for number, scan in enumerate(scans, start=1):
        name = file if len(scans) == 1 else f"{file}#{number}"
        try:
            yield replace(identify(scan, model, **options), file=name)
        except BragglensError as error:
            yield Identification(name, source(model), None, error=str(error), notes=scan.notes, metadata=scan.metadata)


def source(model: Asked) -> str:
    """What an answer says it comes from."""
    return model.name if isinstance(model, Model) else f"{len(model)} structures"


def _opinion(
    asked: Identification, scan: Scan, model: Model | Catalogue, allowed: Sequence[str]
) -> tuple[Identification, Opinion]:
    """What a network says of the phases that may be named: the library's own, or the matcher."""
    assert asked.wavelength is not None
    if isinstance(model, Catalogue):
        pattern, opinion = matched(scan, model, wavelength=asked.wavelength)
        stranger = None
    else:
        pattern = to_grid(scan, model.preparation, wavelength=asked.wavelength)
        scores = model.judge(pattern)
        opinion = Opinion(scores[: len(model.library)], np.zeros(len(model.library)))
        stranger = float(scores[-1]) if model.answer == "sigmoid" else None
    named = zip(model.library.names, opinion.probability, strict=True)
    may = frozenset(allowed)
    probabilities = {name: float(p) for name, p in named if name in may}
    return replace(asked, probabilities=probabilities, stranger=stranger, pattern=pattern), opinion


def _proven(
    answer: Identification,
    scan: Scan,
    model: Model | Catalogue,
    opinion: Opinion,
    allowed: Sequence[str],
    asked: Options,
) -> Identification:
    """The answer put to the proof by the fit; of a large library with the phases that the matcher finds worth it."""
    names, phases, used = model.library.names, model.library.phases, answer.wavelength
    standard = asked.get("standard")
    assert used is not None
    assert answer.pattern is not None

    def prove(chosen: Mapping[int, float], *, crowded: bool = False) -> Verified:
        return verify(
            scan,
            tuple(phases[row] for row in chosen),
            wavelength=used,
            network=_named(names, chosen),
            allowed=allowed,
            expected=named_elements(asked.get("elements")),
            particle_size=asked.get("particle_size"),
            standard=standard,
            crowded=crowded,
        )

    may = np.isin(names, allowed)
    if isinstance(model, Model) or may.sum() <= SMALL:
        return _by_fit(answer, prove(dict(enumerate(opinion.probability))))
    chosen = {row: opinion.probability[row] for row in shortlist(opinion, may)}
    if standard:
        chosen[names.index(standard[0])] = 1.0
    proof = prove(chosen, crowded=True)
    if not proof.fit.phases:
        return _by_fit(replace(answer, probabilities=_named(names, chosen)), proof)
    left = rest(scan, model, answer.pattern, proof.fit, wavelength=used)
    more = {row: left.probability[row] for row in additions(left, may, chosen)}
    chosen |= more
    return _by_fit(replace(answer, probabilities=_named(names, chosen)), prove(chosen, crowded=True) if more else proof)


def _named(names: Sequence[str], chosen: Mapping[int, float]) -> dict[str, float]:
    return {names[row]: float(p) for row, p in chosen.items()}


def check(model: Asked, options: Options) -> tuple[str, ...]:
    """Refuse options with which no scan can be identified; the names of the phases that may be named come back.

    Raises:
        BragglensError: an option is not possible with these phases.
    """
    library = library_of(model)
    size, standard = options.get("particle_size"), options.get("standard")
    if options.get("network_only") and not isinstance(model, Model):
        raise BragglensError("structures alone bring no network: leave out --network-only, or give a --model")
    if options.get("network_only") and (size is not None or standard is not None):
        raise BragglensError("the network alone gives no fractions: leave out particle size and standard, or fit")
    if size is not None and not (isfinite(size) and size >= 0):
        raise BragglensError(f"a particle size of {size:g} µm is not possible: give the grains' diameter, 0 for none")
    allowed = allowed_phases(library.phases, options.get("elements"))
    if standard is None:
        return allowed
    name, weight = standard
    if name not in library.names:
        raise BragglensError(f"standard '{name}': the library has no such phase: give one of its names")
    if not 0 < weight < 100:
        raise BragglensError(f"standard '{name}': {weight:g} wt% is not possible: give its share of the specimen")
    return (*allowed, *({name} - set(allowed)))


def allowed_phases(phases: Sequence[Phase], elements: str | None) -> tuple[str, ...]:
    """Names of the phases that a choice of elements leaves.

    Of a phase its essential elements count (`essential_elements`): one whose structure was refined on a crystal with
    some iron is left where iron is not named.

    Args:
        phases: of the library.
        elements: see `element_choice`.

    Raises:
        BragglensError: a symbol is no element, or no phase is left.
    """
    if elements is None:
        return tuple(phase.name for phase in phases)
    chosen = element_choice(elements)
    left = tuple(phase.name for phase in phases if chosen(essential_elements(phase)))
    if not left:
        raise BragglensError(f"elements '{elements}': no phase of the library is left: allow more elements")
    return left


def _by_network(answer: Identification, found: tuple[Finding, ...]) -> Identification:
    """The answer of the network alone."""
    foreign = answer.stranger is not None and answer.stranger >= THRESHOLD
    return replace(answer, phases=found, verdict=verdict_of(found, foreign))


def _by_fit(answer: Identification, proof: Verified) -> Identification:
    """The answer of network and fit."""
    return replace(
        answer,
        phases=proof.findings,
        verdict=verdict_of(proof.findings, bool(proof.relatives) or proof.unexplained > UNEXPLAINED),
        unexplained=proof.unexplained,
        unexplained_peaks=proof.peaks,
        rwp=proof.fit.rwp,
        goodness=proof.fit.goodness,
        amorphous_percent=proof.quantities.amorphous_percent,
        amorphous_percent_error=proof.quantities.amorphous_error,
        detection_limits=proof.limits,
        fit=proof.fit,
        relatives=proof.relatives,
    )


def findings(probabilities: dict[str, float], alike: tuple[tuple[str, str], ...]) -> tuple[Finding, ...]:
    """The phases that are named, the most probable first.

    Of phases whose patterns are nearly the same a network splits its answer: it is sure that one of them is there, and
    not which. The most probable one is then named if that one of them is there is more likely than not, with the others
    as its rivals; two of them are named only where both are beyond CERTAIN.
    """
    named: dict[str, Finding] = {}
    for name in sorted(probabilities, key=lambda name: -probabilities[name]):
        p = probabilities[name]
        group = {other for pair in alike if name in pair for other in pair if other in probabilities} - {name}
        if group & set(named) and p < CERTAIN:
            continue
        rivals = tuple(sorted(other for other in group if probabilities[other] >= LEAST_RIVAL and other not in named))
        none_there = (1 - p) * float(np.prod([1 - probabilities[rival] for rival in rivals]))
        if 1 - none_there >= THRESHOLD:
            named[name] = Finding(name, p, rivals=rivals)
    return tuple(named.values())


def _notices(answer: Identification, scan: Scan, phases: Sequence[Phase]) -> list[str]:
    """What to look into where the axis may not be what it was taken for."""
    assert answer.fit is not None
    assert answer.wavelength is not None
    assert answer.unexplained is not None
    notice = offset_notice(answer.fit) if answer.phases else None
    if notice is None and (not (answer.phases or answer.relatives) or answer.unexplained > BADLY):
        notice = another_axis(scan, phases, wavelength=answer.wavelength, left=answer.unexplained)
    return [notice] if notice else []


def _phases(library: Library, allowed: Sequence[str]) -> tuple[Phase, ...]:
    chosen = frozenset(allowed)
    return tuple(phase for phase in library if phase.name in chosen)


def verdict_of(found: Sequence[Finding], foreign: bool) -> Verdict:
    """What is said of a scan in one word: of the phases named, and whether something else is there too."""
    if not found:
        return "unknown"
    if foreign:
        return "partly unknown"
    if any(finding.probability < SURE or finding.rivals for finding in found):
        return "tentative"
    return "known" if len(found) == 1 else "mixture"


def ranking(answer: Identification) -> list[str]:
    """All phases of the library: those that were found in their order, then the others as the network ranks them."""
    probabilities = answer.probabilities or {}
    found = [finding.name for finding in answer.phases]
    return found + sorted(probabilities.keys() - set(found), key=lambda name: -probabilities[name])
