"""A library of minerals from AMCSD: one structure per phase, with the reason for its choice.

Entries of one name, in any spelling, are one phase if their lattices agree, in any cell and origin. Otherwise they are
polymorphs or polytypes, and each is kept. Compounds that are not minerals are grouped by their elements.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.amcsd import Entry, amcsd_database, read_amcsd
from bragglens.crystal.choice import Elements, element_choice
from bragglens.crystal.cif import parse_cif
from bragglens.crystal.conditions import Conditions, conditions
from bragglens.crystal.displacements import ASYMMETRIC, DEFAULT_U_ISO, INDEFINITE
from bragglens.crystal.formula import parse_formula
from bragglens.crystal.lattice import lattice_spacings
from bragglens.crystal.phase import Phase
from bragglens.crystal.provenance import Gathered, Origin, file_name, put, read_manifest, sha256, write_manifest
from bragglens.crystal.reflections import composition
from bragglens.crystal.symbol import plain_symbol
from bragglens.errors import StructureError

SAME_LATTICE = 0.025  # largest relative difference of spacings; solid solutions of one name vary by some 0.02
SAME_FORMULA = 0.1  # relative, of the atoms of each element
SAME_DENSITY = 0.05  # relative
SAME_SPELLING = 0.92  # of difflib: Rhodocrosite and Rhodochrosite, but not Stillwellite-(La) and Stillwellite-(Ce)
MODERN = 1960  # older cells are in kX units at times, and seldom refined

Tick = Callable[[int, int], object]


def gather_minerals(
    folder: str | Path,
    names: Iterable[str] = (),
    *,
    elements: Elements | None = None,
    formula: str | None = None,
    compounds: bool = False,
    further: Iterable[Entry] = (),
    tick: Tick | None = None,
) -> Gathered:
    """Write a CIF for each mineral of AMCSD, and the manifest with the reason for each choice.

    The same call gives the same files, so an interrupted one is simply repeated. Bad entries are left out.

    Args:
        folder: for the CIFs; existing files are kept.
        names: of minerals, in any case; empty for all.
        elements: restricts them, see `choice.read_choice`.
        formula: only those of this composition, `TiO2`.
        compounds: also compounds that are not minerals, named by their formula.
        further: entries of AMCSD that are not in the database.
        tick: called with the groups of entries done and their number.

    Returns:
        The CIFs, and one sentence for each entry that is left out and each name that is unknown.

    Raises:
        StructureError: the database is not installed, or elements or formula make no sense.
        BragglensError: the folder cannot be written to.
    """
    folder, chosen = Path(folder), element_choice(elements)
    composed = _composed(formula)
    database, release = amcsd_database()
    groups, problems = _groups(chain(read_amcsd(database), further), names, compounds)

    def possible(entry: Entry) -> bool:
        stated = parse_formula(entry.formula).keys()
        return not stated or (composed(entry.formula) and (chosen(stated) or chosen(stated - {"H"})))

    groups = {name: entries for name, entries in groups.items() if any(map(possible, entries))}
    origins, files, taken = read_manifest(folder), [], set[str]()
    for number, entries in enumerate(groups[name] for name in sorted(groups)):
        kept, refused = _choose(entries)
        problems += refused
        for candidate, why, others in kept:
            stem = _free_name(candidate, kept[0][0], taken)
            if not chosen({site.element for site in candidate.phase.sites}) or not composed(candidate.entry.formula):
                continue
            origin = _origin(f"{stem}.cif", candidate, why, others, release)
            try:
                files.append(put(folder, candidate.entry.cif.encode(), origin, origins))
            except StructureError as error:
                problems.append(str(error))
        if tick:
            tick(number + 1, len(groups))
    write_manifest(folder, origins)
    return Gathered(tuple(files), tuple(problems))


def _composed(formula: str | None) -> Callable[[str], bool]:
    """A test whether a formula has this composition."""
    if formula is None:
        return lambda other: True
    wanted = parse_formula(_spaced(formula))
    if not wanted:
        raise StructureError(f"formula '{formula}' is not understood: give one without brackets, such as TiO2")
    return lambda other: _deviation(wanted, parse_formula(other)) < 0.01


def _spaced(formula: str) -> str:
    """`TiO2` in the form of CIFs, `Ti O2`."""
    return re.sub(r"(?<=[\w.])(?=[A-Z])", " ", formula)


def _deviation(one: dict[str, float], other: dict[str, float]) -> float:
    """The largest relative difference of an element between two compositions, 1 if their elements differ."""
    if one.keys() != other.keys() or not one:
        return 1.0
    ratios = np.array([one[element] / other[element] for element in one])
    return float(np.abs(ratios / np.median(ratios) - 1).max())


# --- which entries are one phase --------------------------------------------------------------------------------


def _groups(
    entries: Iterable[Entry], names: Iterable[str], compounds: bool
) -> tuple[dict[str, list[Entry]], list[str]]:
    """Entries by mineral, or of compounds by their elements; what is not found."""
    minerals: dict[str, list[Entry]] = {}
    others: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.mineral:
            minerals.setdefault(entry.mineral, []).append(entry)
        elif compounds:
            others.setdefault(" ".join(sorted(parse_formula(entry.formula))) or entry.formula, []).append(entry)
    spelled = _spellings(minerals)
    folded = {name.casefold(): name for name in minerals}
    for other, name in spelled.items():
        minerals[name] += [replace(entry, mineral=name) for entry in minerals.pop(other)]
    wanted = {name.strip().casefold(): name for name in names}
    if not wanted:
        return minerals | others, []
    found = {folded[name] for name in wanted if name in folded}
    found = {spelled.get(name, name) for name in found}
    problems = [_unknown(name, folded) for word, name in wanted.items() if word not in folded]
    return {name: minerals[name] for name in found}, problems


def _unknown(name: str, folded: dict[str, str]) -> str:
    """The message for an unknown name."""
    close = difflib.get_close_matches(name.strip().casefold(), folded, n=3)
    meant = f": is it {' or '.join(folded[one] for one in close)}?" if close else ": check the spelling"
    return f"{name}: is not a mineral of AMCSD{meant}"


def _spellings(groups: dict[str, list[Entry]]) -> dict[str, str]:
    """For each alternative spelling, the one that more papers use.

    AMCSD has `Rhodocrosite` and `Rhodochrosite`, `Aluminum` and `Aluminium`. Two similar names are one mineral only if
    entries of both share a lattice, and the elements of one are among the other's: erbium is not terbium.
    """
    spelled: dict[str, str] = {}
    papers: dict[str, int] = {}

    def usual(name: str) -> str:
        return usual(spelled[name]) if name in spelled else name

    for pair in _alike_names(groups):
        one, other = (_readable(groups[name])[0] for name in pair)
        papers |= {pair[0]: len({c.paper for c in one}), pair[1]: len({c.paper for c in other})}
        if any(_same_mineral(a, b) for a in one for b in other):
            more, *less = sorted({usual(name) for name in pair}, key=lambda name: (-papers[name], name))
            spelled |= dict.fromkeys(less, more)
    return {name: usual(name) for name in spelled}


def _alike_names(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names with the same first three letters and nearly the same rest."""
    for _, some in groupby(sorted(names, key=str.casefold), key=lambda name: name[:3].casefold()):
        for pair in combinations(some, 2):
            one, other = (name.casefold() for name in pair)
            if difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= SAME_SPELLING:
                yield pair


def _same_mineral(one: _Candidate, other: _Candidate) -> bool:
    among = one.elements <= other.elements or other.elements <= one.elements
    return among and _same_lattice(one.lattice, other.lattice)


@dataclass(frozen=True)
class _Candidate:
    """A readable entry, with the criteria for its choice."""

    entry: Entry
    phase: Phase

    @cached_property
    def conditions(self) -> Conditions:
        return conditions(self.entry.title, self.entry.specimen)

    @cached_property
    def deviation(self) -> float:
        """Difference of the sites' composition from the formula, without hydrogen, which X-rays hardly see."""
        stated, found = parse_formula(self.entry.formula), composition(self.phase)
        heavy = stated.keys() - {"H"} or stated.keys()
        return _deviation({e: n for e, n in stated.items() if e in heavy}, {e: found[e] for e in found if e in heavy})

    @cached_property
    def faithful(self) -> bool:
        """Whether the sites give the formula and AMCSD's density."""
        stated = self.entry.density or self.phase.density
        return self.deviation <= SAME_FORMULA and abs(self.phase.density / stated - 1) <= SAME_DENSITY

    @cached_property
    def lattice(self) -> NDArray[np.float64]:
        return lattice_spacings(self.phase)

    @cached_property
    def elements(self) -> frozenset[str]:
        return frozenset(site.element for site in self.phase.sites) - {"H"}

    @cached_property
    def paper(self) -> str:
        return self.phase.source.partition(";")[0]

    @property
    def sound(self) -> bool:
        return self.conditions.distance < 2 and self.faithful and not self.entry.doubted

    @property
    def full(self) -> bool:
        return all(site.occupancy > 0.99 for site in self.phase.sites)

    @property
    def rank(self) -> tuple[int | bool, ...]:
        """The criteria in their order, without the year; lower is better."""
        return (
            self.conditions.distance,
            not self.faithful,
            self.entry.doubted,
            self.entry.year < MODERN,
            not self.full,
            any("mass is taken from the formula" in note for note in self.phase.notes),
            any(INDEFINITE in note or ASYMMETRIC in note for note in self.phase.notes),
            all(site.u_iso == DEFAULT_U_ISO for site in self.phase.sites),
        )


def _choose(entries: list[Entry]) -> tuple[list[tuple[_Candidate, str, list[str]]], list[str]]:
    """For each lattice the best candidate, the reason, and the codes of the others; and what is left out.

    The lattice that most papers report comes first, since names are also given to rare forms and other compounds. A
    further one counts only if its entry gives its formula and, for the same elements, is not from times when cells were
    guessed.
    """
    candidates, problems = _readable(entries)
    usual = [one for one in candidates if one.conditions.distance < 2]
    if candidates and not usual:
        first = candidates[0]
        problems.append(
            f"{_called(first.entry)}: AMCSD has no structure at ambient conditions ({first.conditions.words})"
        )
    alike = [[one for one in usual if _same_lattice(one.lattice, best.lattice)] for best in usual]
    order = sorted(range(len(usual)), key=lambda i: (-len({one.paper for one in alike[i]}), usual[i].rank, i))
    kept: list[tuple[_Candidate, str, list[str]]] = []
    left = set(range(len(usual)))
    while left:
        seed = next(i for i in order if i in left)
        members = [i for i in sorted(left) if usual[i] in alike[seed]]
        left -= set(members)
        best, *others = _commonest_first([usual[i] for i in members])
        foreign = all(best.elements != one.elements for one, _, _ in kept)
        if not kept or (best.sound and (foreign or best.entry.year >= MODERN)):
            kept.append((best, _why(best, others), [one.entry.code for one in others]))
    return kept, problems


def _commonest_first(candidates: list[_Candidate]) -> list[_Candidate]:
    """The candidates, those with the elements that most papers report first."""
    papers: dict[frozenset[str], set[str]] = {}
    for one in candidates:
        papers.setdefault(one.elements, set()).add(one.paper)
    return sorted(candidates, key=lambda one: (one.conditions.distance, -len(papers[one.elements])))


def _readable(entries: list[Entry]) -> tuple[list[_Candidate], list[str]]:
    """The entries that give a phase, the best first, and the problems of the others."""
    candidates, problems = [], []
    for entry in entries:
        where = f"AMCSD {entry.code} {_called(entry)}"
        if entry.damage:
            problems.append(f"{where}: is damaged ({entry.damage}): left out")
            continue
        try:
            candidates.append(_Candidate(entry, parse_cif(entry.cif, _called(entry), where=where)))
        except StructureError as error:
            problems.append(str(error))
    return sorted(candidates, key=lambda one: (one.rank, -one.entry.year, one.entry.code)), problems


def _called(entry: Entry) -> str:
    """The mineral's name, or a compound's formula."""
    return entry.mineral or entry.formula.replace(" ", "") or f"AMCSD {entry.code}"


def _same_lattice(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(np.abs(one / other - 1).max() < SAME_LATTICE)


def _why(best: _Candidate, alike: list[_Candidate]) -> str:
    """The arguments for and against the chosen entry, as text."""
    rivals = sum(one.rank == best.rank for one in alike)
    said = [
        best.conditions.words,
        "its sites give the formula" if best.faithful else "its sites do not give the formula",
        "all sites fully occupied" if best.full else "some sites partly occupied or mixed",
        f"newest of {rivals + 1} such" if rivals else "the only one" if not alike else "the only such",
    ]
    return "; ".join(said)


# --- what is written --------------------------------------------------------------------------------------------


def _free_name(candidate: _Candidate, first: _Candidate, taken: set[str]) -> str:
    """The mineral's name or the compound's formula; for a further structure with a distinguishing suffix.

    AMCSD names compounds of other elements after the mineral whose structure they share: `Titanite_MnSi2O5`.
    """
    name, formula = _called(candidate.entry), candidate.entry.formula.replace(" ", "")
    mark = formula if candidate.elements != first.elements else plain_symbol(candidate.phase)
    names = (file_name(text) for text in (name, f"{name}_{mark}", f"{name}_{mark}_{candidate.entry.code}"))
    free = next(one for one in names if one.casefold() not in taken)
    taken.add(free.casefold())
    return free


def _origin(file: str, candidate: _Candidate, why: str, others: list[str], release: str) -> Origin:
    entry = candidate.entry
    return Origin(
        file=file,
        source="AMCSD",
        id=entry.code,
        revision=release,
        sha256=sha256(entry.cif.encode()),
        formula=entry.formula,
        space_group=candidate.phase.space_group,
        reference=candidate.phase.source,
        chosen=why,
        others=" ".join(others),
    )
