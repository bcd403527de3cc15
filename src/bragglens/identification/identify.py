"""Identify: a scan and a model in, an Identification out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.choice import Elements, element_choice, named_elements, read_choice
from bragglens.crystal.essential import essential_elements
from bragglens.crystal.formula import chemical_formula
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.errors import BragglensError, ScanError
from bragglens.identification.answer import Finding, Identification, Verdict
from bragglens.identification.asked import Asked, Source, asked_of, library_of
from bragglens.identification.axis import BADLY, another_axis, offset_notice, stretch_notice, wavelength_notice
from bragglens.identification.coverage import Coverage, coverage
from bragglens.identification.humps import hump_notice, hump_of
from bragglens.identification.options import Options, read_options
from bragglens.identification.shortlist import SMALL, additions, matched, rest, shortlist
from bragglens.identification.tube_lines import tube_notices
from bragglens.identification.verify import Verified, verify
from bragglens.learn.model import Model
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.match.matcher import Opinion
from bragglens.scan.apart import read_scans_apart
from bragglens.scan.pattern import Pattern
from bragglens.scan.prepare import LEAST_COVERAGE, to_grid
from bragglens.scan.read import one_scan, read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import SAME_TUBE, Instrument, strongest_line

THRESHOLD = 0.5  # of the network's probabilities, where it answers alone
# Probability of each phase from which on the verdict may be known, or mixture. Of some 570 simulated minerals that a
# library of thousands lacked six were then known by another name, at 0.9 nine: other draws than those that
# benchmarks/thousands.py asks.
SURE = 0.92
UNEXPLAINED = 0.1  # share of the peaks' intensity that may be missed before a scan is called partly unknown
CERTAIN = 0.9  # two phases of nearly the same pattern are both named only beyond this
LEAST_RIVAL = 0.1


def identify(
    scan: Scan | str | Path,
    model: Source = None,
    *,
    wavelength: float | str | None = None,
    wavelength_if_missing: float | str | None = None,
    elements: Elements | None = None,
    network_only: bool = False,
    particle_size: float | None = None,
    standard: str | tuple[str, float] | None = None,
    instrument: Instrument | str | Path | None = None,
) -> Identification:
    """Tell which phases of a library a scan holds, how much of each, and what stays unexplained.

    Args:
        scan: as read, or the path of a file with one scan.
        model: a trained model; or a library, which the matcher then judges and the fit proves; or the path of one of
            them, or a part of the built-in library, or several libraries (`asked.asked_of`). A path is read at each
            call. None is the built-in library.
        wavelength: `CuKa`, `CoKa`, ... or Å of the scan's strongest line; wins over what the file states.
        wavelength_if_missing: the same, where the file states none and `wavelength` is not given.
        elements: narrows the candidates: `"Ti,O"`, `["Ti", "O"]` or `"TiO2"` leaves phases of titanium and oxygen,
            `"-Fe,-Pb"` those without iron and lead (`crystal.choice.read_choice`); a standard is always a candidate.
            Of phases that explain the scan about as well those are preferred that leave none of the named elements
            without a phase.
        network_only: leaves out the fit: far faster, without fractions, and more easily deceived by strangers.
        particle_size: diameter of the grains in µm for the correction of microabsorption; None takes a usual one and
            widens the errors by what that may be wrong (`quantify.quantify`); 0 corrects nothing.
        standard: a phase of the library, its name in whatever case, that was added to the specimen and its wt%,
            `"corundum=20"` or `("corundum", 20)`; the amorphous content is then known.
        instrument: the diffractometer as `bragglens calibrate` measured it, or the path of its file: zero, resolution
            and axial divergence are held in the fit, so that sizes are the crystallites' alone, with errors.

    Raises:
        ScanError: the scan cannot be read, its wavelength is neither stated nor in the file, or too few lines of any
            phase lie in the range; for the network alone, the scan covers too little of the model's grid.
        BragglensError: an option is not possible (`check`), or the standard is not in the scan.
    """
    options = read_options(
        wavelength=wavelength,
        wavelength_if_missing=wavelength_if_missing,
        elements=elements,
        network_only=network_only,
        particle_size=particle_size,
        standard=standard,
        instrument=instrument,
    )
    return identify_scan(scan, model, options)


def identify_scan(scan: Scan | str | Path, model: Source, options: Options) -> Identification:
    """What `identify` does, with options that are read already."""
    started = time.perf_counter()
    asked = asked_of(model)
    answer = _identify(scan if isinstance(scan, Scan) else read_scan(scan), asked, options)
    left = [] if model is asked else _left_out(library_of(asked))
    return replace(answer, notes=(*answer.notes, *left), seconds=time.perf_counter() - started)


def _identify(scan: Scan, model: Asked, options: Options) -> Identification:
    """The answer for a scan."""
    model = catalogue(model) if isinstance(model, Library) else model
    used, options = _wavelength(scan, options), _spelled(options, model.library)
    allowed = check(model, options)
    recorded = {key: value.name if isinstance(value, Instrument) else value for key, value in options.given().items()}
    notes = (*scan.notes, *wavelength_notice(scan, used), *_other_tube(options.instrument, used))
    asked = Identification(
        scan.name, source(model), None, wavelength=used, notes=notes, metadata=scan.metadata, options=recorded
    )
    try:
        covered = coverage(scan, model, allowed, wavelength=used)
        asked = replace(asked, notes=(*asked.notes, *covered.notes))
        answer, opinion = _opinion(asked, scan, model, covered.allowed)
    except ScanError as error:  # its range tells nothing, maybe because its axis is not what it was taken for
        known, may = _looked_through(model, allowed)
        notice = another_axis(scan, known, may, wavelength=used)
        raise ScanError("; ".join([str(error), *([notice] if notice else [])])) from error
    if options.network_only:
        assert isinstance(model, Model)  # `check` has refused the rest
        answer = _by_network(answer, findings(answer.probabilities or {}, model.alike))
    else:
        answer = _proven(answer, scan, model, opinion, covered, options)
        answer = replace(answer, notes=(*answer.notes, *_notices(answer, scan, *_looked_through(model, allowed))))
    library = model.library
    return replace(answer, phases=_described(answer.phases, library), relatives=_described(answer.relatives, library))


def _described(found: Sequence[Finding], library: Library) -> tuple[Finding, ...]:
    """What was found, with formula and space group."""

    def described(one: Finding) -> Finding:
        phase = library[one.name]
        return replace(one, formula=chemical_formula(phase.formula), space_group=" ".join(phase.space_group.split()))

    return tuple(map(described, found))


def _other_tube(instrument: Instrument | None, used: float) -> list[str]:
    """That an instrument was calibrated at another wavelength than the scan's."""
    if instrument is None or abs(instrument.lines[0].wavelength / used - 1) < SAME_TUBE:
        return []
    theirs = instrument.lines[0].wavelength
    return [f"the instrument was calibrated at {theirs:.4f} Å, the scan is of {used:.4f} Å: its widths may not hold"]


def _left_out(library: Library) -> list[str]:
    """That structures of a library could not be read, which who read it himself was told there."""
    count = len(library.problems)
    return [f"{count} of the library's files were left out, the first: {library.problems[0]}"] if count else []


def _wavelength(scan: Scan, options: Options) -> float:
    """Å of the strongest line: what the user states, else the file, else what the user states for such files."""
    used = options.wavelength or scan.wavelength or options.wavelength_if_missing
    if used is None and options.instrument is not None:
        used = options.instrument.lines[0].wavelength
    if used is None:
        raise ScanError(f"{scan.name}: the file does not state its wavelength: give it, for example --wavelength CuKa")
    return strongest_line(used)


def identify_file(path: str | Path, model: Asked, options: Options = Options()) -> Identification:
    """Read a file and identify it; what goes wrong becomes the answer's `error`, so that a batch goes on."""
    try:
        answer = identify_scan(one_scan(read_scans_apart(path), Path(path).name), model, options)
    except BragglensError as error:
        return Identification(file=str(path), model=source(model), verdict=None, error=str(error))
    return replace(answer, file=str(path))


def identify_each(path: str | Path, model: Asked, options: Options = Options()) -> Iterator[Identification]:
    """Identify every scan of a file, one after the other, as `identify_file` does; of several, `FILE#1`, `FILE#2`, ...

    Repeats of one measurement are told apart too: a sample that changes under the beam looks like repeats.
    """
    try:
        yield from identify_scans(read_scans_apart(path), str(path), model, options)
    except BragglensError as error:
        yield Identification(file=str(path), model=source(model), verdict=None, error=str(error))


def identify_scans(
    scans: Sequence[Scan], file: str, model: Asked, options: Options = Options()
) -> Iterator[Identification]:
    """Identify the scans of one file, called `file`; one that cannot be judged stops no other."""
    for number, scan in enumerate(scans, start=1):
        name = file if len(scans) == 1 else f"{file}#{number}"
        try:
            yield replace(identify_scan(scan, model, options), file=name)
        except BragglensError as error:
            yield Identification(name, source(model), None, error=str(error), notes=scan.notes, metadata=scan.metadata)


def source(model: Asked) -> str:
    """What an answer says it comes from."""
    return model.name if isinstance(model, Model) else f"{len(model)} structures"


def _opinion(
    asked: Identification, scan: Scan, model: Model | Catalogue, allowed: Sequence[str]
) -> tuple[Identification, Opinion]:
    """What a network says of the phases that may be named: the library's own, or the matcher.

    A library's network knows no shorter range than it was trained with: then the matcher, which compares line by line,
    is asked in its place.
    """
    assert asked.wavelength is not None
    stranger = None
    if isinstance(model, Catalogue):
        pattern, opinion = matched(scan, model, wavelength=asked.wavelength)
    elif (pattern := to_grid(scan, model.preparation, wavelength=asked.wavelength)).coverage < LEAST_COVERAGE:
        if asked.options.get("network_only"):
            raise ScanError(_too_short(scan, pattern, asked.wavelength))
        _, opinion = matched(scan, catalogue(model.library), wavelength=asked.wavelength)
    else:
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
    covered: Coverage,
    options: Options,
) -> Identification:
    """The answer put to the proof by the fit; of a large library with the phases that the matcher finds worth it."""
    names, phases, used = model.library.names, model.library.phases, answer.wavelength
    assert used is not None
    assert answer.pattern is not None

    def prove(chosen: Mapping[int, float], *, crowded: bool = False) -> Verified:
        return verify(
            scan,
            tuple(phases[row] for row in chosen),
            wavelength=used,
            network=_named(names, chosen),
            allowed=covered.allowed,
            certainty=covered.certainty,
            expected=named_elements(options.elements),
            particle_size=options.particle_size,
            standard=options.standard,
            instrument=options.instrument,
            crowded=crowded,
        )

    may = np.isin(names, covered.allowed)
    if isinstance(model, Model) or may.sum() <= SMALL:
        rows = np.arange(len(names)) if len(names) <= SMALL else np.flatnonzero(may)
        return _by_fit(answer, prove({int(row): opinion.probability[row] for row in rows}))
    chosen = {row: opinion.probability[row] for row in shortlist(opinion, model, may)}
    if options.standard:
        chosen[names.index(options.standard[0])] = 1.0
    proof = prove(chosen, crowded=True)
    if not proof.fit.phases:
        return _by_fit(replace(answer, probabilities=_named(names, chosen)), proof)
    left = rest(scan, model, answer.pattern, proof.fit, wavelength=used)
    fitted = [names.index(phase.name) for phase in proof.fit.phases]
    more = {row: left.probability[row] for row in additions(left, model, may, chosen, fitted)}
    chosen |= more
    return _by_fit(replace(answer, probabilities=_named(names, chosen)), prove(chosen, crowded=True) if more else proof)


def _too_short(scan: Scan, pattern: Pattern, wavelength: float) -> str:
    grid = pattern.grid
    return (
        f"{scan.name}: its {scan.two_theta[0]:.4g}-{scan.two_theta[-1]:.4g}° at {wavelength:.4f} Å cover "
        f"{pattern.coverage:.0%} of the model's {grid.start:g}-{grid.stop:g}°, too little for the network alone: "
        "leave out --network-only, or measure a wider range"
    )


def _named(names: Sequence[str], chosen: Mapping[int, float]) -> dict[str, float]:
    return {names[row]: float(p) for row, p in chosen.items()}


def check(model: Asked, options: Options) -> tuple[str, ...]:
    """Refuse options with which no scan can be identified; the names of the phases that may be named come back.

    Raises:
        BragglensError: an option is not possible with these phases.
    """
    if options.network_only and not isinstance(model, Model):
        raise BragglensError("structures alone bring no network: leave out --network-only, or give a --model")
    library = library_of(model)
    allowed = allowed_phases(library.phases, options.elements)
    standard = _spelled(options, library).standard
    if standard is None:
        return allowed
    name = standard[0]
    if name not in library.names:
        near = ", ".join(library.near(name))
        raise BragglensError(f"standard '{name}': the library has no such phase: give one of its names, such as {near}")
    return (*allowed, *({name} - set(allowed)))


def _spelled(options: Options, library: Library) -> Options:
    """The options with the standard's name as the library has it."""
    if options.standard is None:
        return options
    name, weight = options.standard
    return replace(options, standard=(library.spelled(name) or name, weight))


def allowed_phases(phases: Sequence[Phase], elements: Elements | None) -> tuple[str, ...]:
    """Names of the phases that a choice of elements leaves.

    Of a phase its essential elements count (`essential_elements`): one whose structure was refined on a crystal with
    some iron is left where iron is not named.

    Args:
        phases: of the library.
        elements: see `read_choice`.

    Raises:
        BragglensError: a symbol is no element, or no phase is left.
    """
    if elements is None:
        return tuple(phase.name for phase in phases)
    chosen, words = element_choice(elements), str(read_choice(elements))
    left = tuple(phase.name for phase in phases if chosen(essential_elements(phase)))
    if not left:
        raise BragglensError(f"elements '{words}': no phase of the library is left: allow more elements")
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
        tube_lines=proof.tube_lines,
        rwp=proof.fit.rwp,
        goodness=proof.fit.goodness,
        amorphous_percent=proof.quantities.amorphous_percent,
        amorphous_percent_error=proof.quantities.amorphous_error,
        detection_limits=proof.limits,
        fit=proof.fit,
        relatives=proof.relatives,
        hump=hump_of(proof.fit),
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


def _looked_through(model: Model | Catalogue, allowed: Sequence[str]) -> tuple[Catalogue, NDArray[np.bool_]]:
    """The phases among which a scan is looked at on another axis: the whole library, and which of it may be named."""
    known = model if isinstance(model, Catalogue) else catalogue(model.library)
    return known, np.isin(known.library.names, allowed)


def _notices(answer: Identification, scan: Scan, known: Catalogue, allowed: NDArray[np.bool_]) -> list[str]:
    """What to look into: an axis that may not be what it was taken for, and what the fractions leave out."""
    assert answer.fit is not None
    assert answer.wavelength is not None
    assert answer.unexplained is not None
    notice = (offset_notice(answer.fit) or stretch_notice(answer.fit)) if answer.phases else None
    if notice is None and (not (answer.phases or answer.relatives) or answer.unexplained > BADLY):
        notice = another_axis(scan, known, allowed, wavelength=answer.wavelength, left=answer.unexplained)
    return [one for one in (notice, *tube_notices(answer.tube_lines), hump_notice(answer.hump)) if one]


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
