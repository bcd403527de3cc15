"""Identify: from a scan and a model to an Identification."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bragglens.crystal.choice import Elements, element_choice
from bragglens.crystal.formula import chemical_formula
from bragglens.crystal.library import Library
from bragglens.errors import BragglensError, ScanError
from bragglens.fit.parameters import heat_spread
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.allowed import check, spelled
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.axis import another_axis
from bragglens.identification.axis_notices import offset_notice, stretch_notice, wavelength_notice
from bragglens.identification.considered import considered
from bragglens.identification.copper import COPPER, as_copper
from bragglens.identification.coverage import coverage
from bragglens.identification.humps import hump_notice
from bragglens.identification.options import Options, read_options
from bragglens.identification.posterior import posterior
from bragglens.identification.proposers import Proposal, Proposer
from bragglens.identification.prove import proven
from bragglens.identification.reason import reason_of
from bragglens.identification.shown import with_shown
from bragglens.identification.solid_solution import SolidSolution, solid_solution
from bragglens.identification.sources import Source, is_path, proposer_of
from bragglens.identification.tube_lines import tube_notices
from bragglens.identification.verdict import by_network
from bragglens.match.compounds import compounds
from bragglens.policy import Policy
from bragglens.scan.read import one_scan, read_scan
from bragglens.scan.reader_process import read_scans_in_process
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import SAME_TUBE, Instrument, of_a_tube, strongest_line


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
    temperature: float | str | None = None,
    policy: Policy | str | Path | None = None,
) -> Identification:
    """Find which phases of a library a scan contains, how much of each, and what stays unexplained.

    Args:
        scan: as read, or the path of a file with one scan.
        model: a trained model, or a library, for which the matcher proposes and the fit decides. Also the path of one
            of them, a part of the built-in library, or several libraries (`sources.proposer_of`). A path is read at
            each call. None is the built-in library.
        wavelength: `CuKa`, `CoKa`, ... or Å of the scan's strongest line; it overrides the file.
        wavelength_if_missing: the same, used where the file states none and `wavelength` is not given.
        elements: limits the candidates: `"Ti,O"`, `["Ti", "O"]` or `"TiO2"` allows phases of titanium and oxygen,
            `"-Fe,-Pb"` those without iron and lead (`crystal.choice.read_choice`). A standard is always a candidate. If
            several phases explain the scan about equally well, a phase with a named element that no other phase
            contains is preferred.
        network_only: leaves out the fit: far faster, without fractions, and less reliable with phases outside the
            library.
        particle_size: grain diameter in µm for the correction of microabsorption. None takes a usual value and enlarges
            the errors by its uncertainty (`quantify.quantify`); 0 corrects nothing.
        standard: a phase of the library that was added to the specimen, and its wt%: `"corundum=20"` or `("corundum",
            20)`. Upper and lower case do not matter. The amorphous content is then known.
        instrument: the diffractometer as `bragglens calibrate` measured it, or the path of its file. Zero, resolution
            and axial divergence are held near the calibration, so that sizes are those of the crystallites alone, with
            errors.
        temperature: °C of the specimen during the measurement. Lattices may then deviate from the library's by thermal
            expansion, which is 0 to 5e-5 per K.
        policy: the thresholds of a verdict (`policy.Policy`), or the path of a TOML file that changes some of them.

    Raises:
        ScanError: the scan cannot be read, its wavelength is neither given nor in the file, or too few lines of any
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
        temperature=temperature,
        policy=policy,
    )
    return identify_scan(scan, model, options)


def identify_scan(scan: Scan | str | Path, model: Source, options: Options) -> Identification:
    """The same as `identify`, with options that have been read."""
    started = time.perf_counter()
    who = proposer_of(model)
    answer = _identify(scan if isinstance(scan, Scan) else read_scan(scan), who, options)
    left = _left_out(who.library) if is_path(model) else []
    return replace(answer, notes=(*answer.notes, *left), seconds=time.perf_counter() - started)


def _identify(scan: Scan, who: Proposer, options: Options) -> Identification:
    """The answer for a scan."""
    used, options = _wavelength(scan, options), spelled(options, who.library)
    allowed = check(who, options)
    notices = (*wavelength_notice(scan, used), *_other_tube(options.instrument, used))
    if options.instrument is None and not of_a_tube(used):
        scan, used = as_copper(scan, used), COPPER
    notes = (*scan.notes, *notices)
    answer = Identification(
        scan.name,
        who.identity,
        None,
        wavelength=used,
        notes=notes,
        metadata=scan.metadata,
        options=options.recorded(),
        policy=options.policy,
    )
    try:
        covered = coverage(scan, who, allowed, wavelength=used, policy=options.policy)
        answer = replace(answer, notes=(*answer.notes, *covered.notes))
        propose = who.alone if options.network_only else who.propose
        proposal = propose(scan, wavelength=used)
    except ScanError as error:  # the range shows nothing, perhaps because the axis is wrong
        may = np.isin(who.library.names, allowed)
        notice = another_axis(scan, who.catalogue, may, wavelength=used, policy=options.policy)
        raise ScanError("; ".join([str(error), *([notice] if notice else [])])) from error
    answer = _with_proposal(answer, proposal, who.library, covered.allowed)
    if options.network_only:
        answer = by_network(answer, who.alike)
    else:
        answer = proven(answer, scan, who, proposal, covered, options)
        answer = replace(answer, notes=(*answer.notes, *_notices(answer, scan, who, allowed)))
    phases, relatives = (_described(found, who.library, options) for found in (answer.phases, answer.relatives))
    answer = replace(answer, phases=phases, relatives=relatives)
    if (reason := reason_of(answer, who.library)) is not None:
        answer = replace(answer, because=reason.because, settled_by=reason.settled_by)
    return with_shown(replace(answer, candidates=considered(answer, who)), who)


def _with_proposal(
    answer: Identification, proposal: Proposal, library: Library, allowed: Sequence[str]
) -> Identification:
    """The answer with the proposer's probabilities of the phases that may be named."""
    may = frozenset(allowed)
    named = zip(library.names, proposal.probability, strict=True)
    probabilities = {name: float(p) for name, p in named if name in may}
    return replace(answer, probabilities=probabilities, stranger=proposal.outside, pattern=proposal.pattern)


def _described(found: Sequence[Finding], library: Library, options: Options) -> tuple[Finding, ...]:
    """The findings with formula, space group and solid solution."""

    def described(one: Finding) -> Finding:
        if one.name not in library:  # a candidate without a crystal structure
            return one
        phase = library[one.name]
        return replace(
            one,
            formula=chemical_formula(phase.formula),
            space_group=phase.symbol,
            solid_solution=_solid_solution(one, library, options),
        )

    return tuple(map(described, found))


def _solid_solution(one: Finding, library: Library, options: Options) -> SolidSolution | None:
    """The solid solution for which the fitted lattice of a finding stands."""
    if one.cell is None or heat_spread(options.temperature) > options.policy.lattice_scatter:
        return None  # heat moves the lattice as much as a composition does
    phase, allowed = library[one.name], element_choice(options.elements)
    return solid_solution(
        phase,
        replace(phase, cell=one.cell.numbers),
        next((feature.value for feature in one.why if feature.name == "precision"), 0.0),
        compounds(),
        posterior().frequency,
        allowed=allowed,
        library=library,
        policy=options.policy,
    )


def _notices(answer: Identification, scan: Scan, who: Proposer, allowed: Sequence[str]) -> list[str]:
    """Notices: a doubtful axis, lines of the tube, and a hump that the fractions leave out."""
    assert answer.fit is not None
    assert answer.wavelength is not None
    assert answer.unexplained is not None
    policy, used = answer.policy, answer.wavelength
    warm = answer.options.get("temperature") is not None  # heat stretches all lattices
    notice = (offset_notice(answer.fit) or (None if warm else stretch_notice(answer.fit))) if answer.phases else None
    if notice is None and (not (answer.phases or answer.relatives) or answer.unexplained > policy.look_again):
        may = np.isin(who.library.names, allowed)
        notice = another_axis(scan, who.catalogue, may, wavelength=used, left=answer.unexplained, policy=policy)
    if notice is None and answer.relatives and not warm:  # phases whose lattices all differ alike are not named
        notice = stretch_notice(answer.fit)
    lines = _second_line(scan, answer.fit, used)
    return [one for one in (notice, *lines, *tube_notices(answer.tube_lines), hump_notice(answer.hump, policy)) if one]


def _second_line(scan: Scan, fit: Fit, used: float) -> list[str]:
    """A note if the scan shows no Kα2, although its header does not say that a monochromator or software removed it."""
    if len(fit.instrument.lines) >= len(instrument_of(replace(scan, wavelength=used)).lines):
        return []
    return ["the scan shows no Kα2: a monochromator or software removed it, and the fit uses Kα1 alone"]


def _other_tube(instrument: Instrument | None, used: float) -> list[str]:
    """A note if an instrument was calibrated at another wavelength than the scan's."""
    if instrument is None or abs(instrument.lines[0].wavelength / used - 1) < SAME_TUBE:
        return []
    theirs = instrument.lines[0].wavelength
    return [
        f"the instrument was calibrated at {theirs:.4f} Å, the scan is of {used:.4f} Å: its line widths may not apply"
    ]


def _left_out(library: Library) -> list[str]:
    """A note that structures of a library could not be read.

    If the caller read the library, this was reported at that time.
    """
    count = len(library.problems)
    return [f"{count} of the library's files were left out, the first: {library.problems[0]}"] if count else []


def _wavelength(scan: Scan, options: Options) -> float:
    """Å of the strongest line: given by the user, else by the file, else by the user for files that state none."""
    used = options.wavelength or scan.wavelength or options.wavelength_if_missing
    if used is None and options.instrument is not None:
        used = options.instrument.lines[0].wavelength
    if used is None:
        raise ScanError(f"{scan.name}: the file does not state its wavelength: give it, for example --wavelength CuKa")
    return strongest_line(used)


def identify_file(path: str | Path, model: Source, options: Options = Options()) -> Identification:
    """Read a file and identify it. A failure becomes the answer's `error`, so that a batch goes on."""
    try:
        answer = identify_scan(one_scan(read_scans_in_process(path), Path(path).name), model, options)
    except BragglensError as error:
        return Identification(file=str(path), model=proposer_of(model).identity, verdict=None, error=str(error))
    return replace(answer, file=str(path))


def identify_each(path: str | Path, model: Source, options: Options = Options()) -> Iterator[Identification]:
    """Identify every scan of a file in turn, as `identify_file` does; several are called `FILE#1`, `FILE#2`, ...

    Repeats of one measurement are also identified one by one: a sample that changes under the beam looks like repeats.
    """
    try:
        yield from identify_scans(read_scans_in_process(path), str(path), model, options)
    except BragglensError as error:
        yield Identification(file=str(path), model=proposer_of(model).identity, verdict=None, error=str(error))


def identify_scans(
    scans: Sequence[Scan], file: str, model: Source, options: Options = Options()
) -> Iterator[Identification]:
    """Identify the scans of one file, called `file`. A scan that cannot be judged does not stop the others."""
    for number, scan in enumerate(scans, start=1):
        name = file if len(scans) == 1 else f"{file}#{number}"
        try:
            yield replace(identify_scan(scan, model, options), file=name)
        except BragglensError as error:
            yield Identification(
                name, proposer_of(model).identity, None, error=str(error), notes=scan.notes, metadata=scan.metadata
            )
