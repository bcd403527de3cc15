"""Answers from which the posterior is fitted: features of each phase that a fit keeps, and whether it is there.

    python benchmarks/confidence_answers.py simulated [--first PART] [--parts N]
    python benchmarks/confidence_answers.py stretched [--first PART] [--parts N]
    python benchmarks/confidence_answers.py measured [SET ...]
    python benchmarks/confidence_answers.py table

*stretched*: one to three minerals, of which in half of the scans one has a lattice that is 0.6 to 2.5% from the
library's: another compound of the structure type, which no library holds. A part of 50 simulated scans takes one to two
minutes on one core, all measured sets an hour. Each part is written to benchmarks/results/answers/confidence when it is
complete, so that a run goes on where it was stopped. The minerals in the simulated scans are those that the matcher has
not seen, without those kept for `decisions.py`. *table* writes benchmarks/results/confidence.csv.gz, from which
`fit_confidence.py` fits: numbers, and a hash of each scan's name.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from builtin_measured import counting
from identification import read_causes
from kept_answers import ANSWERS, RESULTS, arguments
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from simulated import GRID, Simulated, packed, scans_of
from thousands import SINGLE, combined

from bragglens import BragglensError, identify
from bragglens.crystal.choice import element_choice, named_elements
from bragglens.crystal.essential import essential_elements
from bragglens.crystal.lattice import cell_parameters, orthogonalization, strain_basis
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.crystal.structure_type import structure_type
from bragglens.identification.evaluate import Label, read_manifest
from bragglens.identification.features import LOWEST, margin, one_compound, share_left
from bragglens.identification.identity import Frequency, chemistry, identity_features
from bragglens.identification.prior import log_odds
from bragglens.identification.sources import Source
from bragglens.learn.model import load_model
from bragglens.match.builtin import builtin, entries
from bragglens.match.catalogue import Catalogue
from bragglens.match.compounds import compounds
from bragglens.match.matcher import matcher
from bragglens.policy import DEFAULT
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.draws import Normal, Uniform, draws
from bragglens.simulate.duplicates import COMPOUND_CONTENT, COMPOUND_SPACING, mark_of, same_compound
from bragglens.simulate.mixture import Content, draw_conditions
from bragglens.simulate.recipe import Recipe

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
PLACE = ANSWERS / "confidence"
SEED = 31_000_000
EACH = 50  # scans of a part
LOOSE = replace(DEFAULT, named=0.1)  # phases that are hardly likely stay in the answer, so that their kind is learned
LIKE = 0.9  # likeness of lines from which on a phase goes with the one that is taken out
ANOTHER = (0.006, 0.025)  # relative distance of the lattice of another compound; of one compound they agree within 0.3%
FOLDER = (10, 140)  # phases of a small library
REAL = {"dilation": Normal(0.0, 0.001), "strain": Normal(0.0, 0.001)}  # cells of one compound agree within 0.3%
MODELS = {"single_tio2": "tio2", "tio2_mixtures": "oxides", "weighed_oxides": "oxides", "weighed_cpd": "oxides",
          "li_mn_ti_o_f": "oxides", "single_rruff": "minerals", "single_rockjock": "minerals",
          "mixed_rockjock": "minerals"}  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("simulated", "stretched", "measured", "table"))
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--parts", type=int, default=60)
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    if options.what in ("simulated", "stretched"):
        world, make = World(builtin()), simulated if options.what == "simulated" else stretched
        for part in range(options.first, options.first + options.parts):
            kept(f"{options.what}-{part:03d}", lambda part=part: make(world, part))
    elif options.what == "table":
        write_table(options.data, options.models)
    else:
        for name in options.sets or MODELS:
            kept(f"measured-{name}", lambda name=name: measured(name, options.data, options.models))


def kept(name: str, make: Callable[[], Iterator[dict[str, Any]]]) -> None:
    """A part, made unless it is there."""
    path = PLACE / f"{name}.jsonl.gz"
    if path.exists():
        return
    started = time.process_time()
    rows = "".join(json.dumps(row) + "\n" for row in make())
    part = path.with_suffix(".partial")
    part.write_bytes(gzip.compress(rows.encode(), mtime=0))
    part.replace(path)
    print(name, f"{time.process_time() - started:.0f} s", flush=True)


# --- what is compared ---------------------------------------------------------------------------------------------


class World:
    """The built-in library, and what its phases are compared by.

    Attributes:
        whole: the library with its lines.
        names, types: of its phases.
        lines: likeness of lines is the scalar product of two rows.
        common: how often each is drawn.
    """

    def __init__(self, whole: Catalogue) -> None:
        phases = whole.library.phases
        self.whole, self.names, self.lines = whole, whole.library.names, whole.signatures
        self.types = [structure_type(phase) for phase in phases]
        self.common = np.array([weight_of(name) for name in self.names])
        self._marks = [mark_of(phase) for phase in phases]
        self._place = {name: i for i, name in enumerate(self.names)}

    def row(self, name: str) -> int | None:
        """Row of a phase, None where the library has none of this name."""
        return self._place.get(name)

    def same(self, one: int, other: int) -> bool:
        """One compound: composition within 5%, lattice within 1%."""
        marks = self._marks
        within = {"content_by": COMPOUND_CONTENT, "spacing_by": COMPOUND_SPACING}
        return one == other or same_compound(marks[one], marks[other], **within)

    def of_type(self, one: int, other: int) -> bool:
        """One structure type on lattices within 4%, or nearly the same lines."""
        near = float(np.abs(self._marks[one][1] / self._marks[other][1] - 1).max()) < 0.04
        return (self.types[one] == self.types[other] and near) or bool(self.lines[one] @ self.lines[other] > LIKE)

    def like(self, one: int) -> list[int]:
        """Rows of a phase and of all that would be named for it: its compound, and phases with nearly its lines."""
        near = np.flatnonzero(self.lines @ self.lines[one] > LIKE)
        return sorted({one, *near.tolist(), *(i for i in range(len(self.names)) if self.same(one, i))})

    def part(self, rows: Sequence[int]) -> Catalogue:
        """Some of the phases, without calculating their lines again."""
        out = Catalogue(Library(tuple(self.whole.library.phases[i] for i in rows)), self.whole.lines.of(list(rows)))
        vars(out)["signatures"] = self.lines[np.array(rows)]
        return out


def weight_of(name: str) -> float:
    """How often a phase is met, in arbitrary units: structure papers, four times as much for those on a list."""
    one = entries()[name]
    return float(one.papers * (4 if one.listed else 1))


def unseen(kept_for_decisions: bool) -> list[str]:
    """The built-in phases that the matcher has not seen: two fifths are kept for `decisions.py`."""
    names = set(builtin().library.names)
    held = [name for name in matcher().manifest["left_out"] if name in names]
    return [name for name in held if (int(hashlib.sha1(name.encode()).hexdigest(), 16) % 5 < 2) == kept_for_decisions]


# --- simulated ----------------------------------------------------------------------------------------------------


def mixtures(world: World, names: Sequence[str], part: int, count: int, most: int = 4) -> list[Simulated]:
    """Scans of one to `most` phases, common ones more often."""
    rng = np.random.default_rng([SEED, part])
    content = drawn_phases(names, rng, count, most)
    mass = np.exp(1.2 * rng.normal(size=content.shape)) * (content >= 0)
    return mixed([world.whole.library[name] for name in names], content, mass, SEED + part)


def drawn_phases(names: Sequence[str], rng: np.random.Generator, count: int, most: int) -> IntArray:
    """Places of one to `most` phases for each of `count` scans, common ones more often; -1 is none."""
    weight = np.array([weight_of(name) for name in names])
    content = np.full((count, most), -1, dtype=np.int64)
    for row in content:
        some = int(rng.integers(1, most + 1))
        row[:some] = rng.choice(len(names), some, replace=False, p=weight / weight.sum())
    return content


def mixed(phases: Sequence[Phase], content: IntArray, mass: Array, seed: int) -> list[Simulated]:
    """Scans of these places of phases in these masses."""
    recipe = Recipe(phases=Uniform(1.0, 5.0), strangers=0.0, **REAL)
    drawn, table = draws(seed, 0, len(content)), packed(phases, recipe)
    filled = Content(content, mass / mass.sum(axis=1, keepdims=True))
    return scans_of(phases, filled, draw_conditions(recipe, drawn, filled, table, GRID), table, recipe)


def simulated(world: World, part: int) -> Iterator[dict[str, Any]]:
    """A row for each scan of a part."""
    rng = np.random.default_rng([SEED, part, 1])
    for number, one in enumerate(mixtures(world, unseen(False), part, EACH)):
        there = [row for name in one.names if name and (row := world.row(name)) is not None]
        seen = [row for name in sorted(one.visible()) if (row := world.row(name)) is not None]
        if not seen:
            continue
        gone = world.like(int(rng.choice(seen))) if rng.random() < 1 / 3 else []
        rows = np.arange(len(world.names))
        folder = rng.random() < 0.3
        if folder:
            some = rng.choice(len(rows), int(rng.integers(*FOLDER)), replace=False, p=world.common / world.common.sum())
            rows = np.unique([*some, *there])
        rows = np.setdiff1d(rows, gone)
        held = [i for i in there if i not in gone]
        wanted = sorted(set().union(*(essential_elements(world.whole.library.phases[i]) for i in there)))
        elements = ",".join(wanted) if rng.random() < 0.25 else None
        yield {
            "scan": f"{part}-{number}",
            "kind": "folder" if folder else "built-in",
            "there": [(world.names[i], i in seen) for i in there],
            "signal": dict(zip((n for n in one.names if n), one.signal, strict=False)),
            "gone": [world.names[i] for i in gone],
        } | answered(one.scan, world.part(rows.tolist()), None, elements, _judge(world, held, there))


def stretched(world: World, part: int) -> Iterator[dict[str, Any]]:
    """A row for each scan of one to three minerals, half of them with one that has the lattice of another compound."""
    rng = np.random.default_rng([SEED, part, 3])
    names = unseen(False)
    places = drawn_phases(names, rng, EACH, 3)
    other = rng.random(EACH) < 0.5
    phases = [world.whole.library[name] for name in names]
    phases += [with_lattice(phases[row[0]], rng.uniform(*ANOTHER), rng) for row in places]
    content = places.copy()
    content[other, 0] = len(names) + np.flatnonzero(other)
    mass = np.exp(0.8 * rng.normal(size=content.shape)) * (content >= 0)
    for number, (one, far) in enumerate(zip(mixed(phases, content, mass, SEED + 700_000 + part), other, strict=True)):
        there = [row for name in one.names if name and (row := world.row(name)) is not None]
        held = there[1:] if far else there
        if phases[places[number, 0]].name in one.visible():
            yield {
                "scan": f"stretched {part}-{number}",
                "kind": "another compound" if far else "built-in",
                "there": [(world.names[i], world.names[i] in one.visible()) for i in there],
                "signal": dict(zip((n for n in one.names if n), one.signal, strict=False)),
                "gone": [],
            } | answered(one.scan, world.whole, None, None, _judge(world, held, there))


def with_lattice(phase: Phase, away: float, rng: np.random.Generator) -> Phase:
    """The phase with a lattice of its crystal system whose largest relative change of a length is `away`."""
    basis = strain_basis(phase)
    strain = np.tensordot(rng.normal(size=len(basis)), basis, axes=1)
    strain *= away / np.abs(np.linalg.eigvalsh(strain)).max()
    cell = cell_parameters((np.eye(3) + strain) @ orthogonalization(phase))
    return replace(phase, cell=tuple(float(x) for x in cell))


Judge = Callable[[str], tuple[bool, bool]]


def _judge(world: World, held: Sequence[int], there: Sequence[int]) -> Judge:
    """Whether a name is a phase that is there and in the library, and whether it is one of the type of one there."""

    def of(name: str) -> tuple[bool, bool]:
        row = world.row(name)
        assert row is not None
        return any(world.same(row, i) for i in held), any(world.of_type(row, i) for i in there)

    return of


def answered(scan: Scan, library: Source, wavelength: float | None, elements: str | None, of: Judge) -> dict[str, Any]:
    """What the fit keeps, with its features."""
    started = time.process_time()
    try:
        answer = identify(scan, library, wavelength=wavelength, elements=elements, policy=LOOSE)
    except BragglensError as error:
        return {"elements": elements, "error": str(error), "found": []}
    found = [
        {
            "name": one.name,
            "right": (judged := of(one.name))[0],
            "of_type": judged[1],
            "probability": one.probability,
            "network": one.network,
            "weight": one.weight_percent,
            "cell": None if one.cell is None else one.cell.numbers,
            "features": {each.name: each.value for each in one.why},
            "tried": [(name, float(worse)) for name, worse in one.tried[:8]],
        }
        for one in (*answer.phases, *answer.relatives)
    ]
    return {
        "elements": elements,
        "library": len(answer.probabilities or ()),
        "verdict": answer.verdict,
        "unexplained": answer.unexplained,
        "beside": {name: (one.evidence, one.share) for name, one in answer.beside.items()},
        "cpu": time.process_time() - started,
        "found": found,
    }


# --- measured -----------------------------------------------------------------------------------------------------


def measured(name: str, data: Path, models: Path) -> Iterator[dict[str, Any]]:
    """Rows for each scan of a set: against the built-in library, the labelled one with AMCSD, and a trained network.

    The first two are searched blind and with elements, the built-in library also without the labelled phases.
    """
    truth = Truth(name, data)
    model = load_model(models / f"{MODELS[name]}.bragglens")
    sites = {phase.name: {site.element for site in phase.sites} for phase in truth.labelled.library}
    for label in read_manifest(data / "dev.csv", sets=[name]):
        if not label.phases:
            continue
        elements = ",".join(sorted(set().union(*(sites.get(phase, set()) for phase in label.phases))))
        world = truth.world
        gone = sorted({j for i in truth.own(label) for j in world.like(i)})
        without = world.part([i for i in range(len(world.names)) if i not in set(gone)])
        asked: list[tuple[str, Source, str | None]] = [
            *(("built-in", world.whole, chosen) for chosen in (None, elements)),
            *(("labelled", truth.labelled, chosen) for chosen in (None, elements)),
            ("model", model, None),
            ("without", without, None),
        ]
        scan = read_scan(label.file)
        for kind, library, chosen in asked:
            yield {
                "scan": label.file.stem,
                "set": name,
                "kind": kind,
                "there": sorted(label.phases),
                "strangers": bool(label.strangers),
                "gone": [world.names[i] for i in gone] if kind == "without" else [],
            } | answered(scan, library, label.wavelength, chosen, truth.judge(label, kind))


class Truth:
    """What counts as the labels of a set, in each library."""

    def __init__(self, name: str, data: Path) -> None:
        groups, self._files = counting(data)
        self.world, self._single = World(builtin()), name in SINGLE
        self.labelled, own = combined(data, "oxides" if MODELS[name] == "tio2" else MODELS[name])
        self._groups = {"built-in": groups, "without": groups, "labelled": tuple(own), "model": tuple(own)}

    def right(self, label: Label, name: str, kind: str) -> bool:
        """Whether a name counts as one of the labelled phases."""
        after = self._files.get(label.file.name, frozenset()) | label.phases if self._single else frozenset()
        groups = (*self._groups[kind], after)
        return any(name == true or any(name in g and true in g for g in groups) for true in label.phases)

    def own(self, label: Label) -> list[int]:
        """Rows of the built-in library that count as the labelled phases."""
        return [i for i, one in enumerate(self.world.names) if self.right(label, one, "built-in")]

    def judge(self, label: Label, kind: str) -> Judge:
        """Whether a name is right, and whether its structure type is."""
        own = self.own(label)

        def of(name: str) -> tuple[bool, bool]:
            right, row = self.right(label, name, kind), self.world.row(name)
            of_type = right or (row is not None and any(self.world.of_type(row, i) for i in own))
            return right and kind != "without", of_type

        return of


# --- the table ----------------------------------------------------------------------------------------------------

TABLE = RESULTS / "confidence.csv.gz"
FREQUENCY = RESULTS / "frequency.json"
LABORATORIES = ("dara2025", "autoanalyzer", "xerus_bench", "are_tio2", "rockjock", "xred_rruff90", "cpd")
ABOUT = ("scan", "source", "kind", "row", "strong", "truth", "right", "of_type")
CLEAR = 10.0  # σ of the strongest line; a weaker phase may be missed in a whole answer


def write_table(data: Path, models: Path) -> None:
    """One row for each phase that a fit kept, and one without a phase for each scan in which nothing was kept."""
    libraries = {("built-in", ""): builtin().library}
    for name in dict.fromkeys(MODELS.values()):
        libraries["labelled", name] = combined(data, "oxides" if name == "tio2" else name)[0].library
        libraries["model", name] = load_model(models / f"{name}.bragglens").library
    mended = [names_of(cause, data) for cause in ("label", "real")]
    beside = Beside(libraries, *mended, frequency_of_labels(data), World(builtin()))
    FREQUENCY.write_text(json.dumps(vars(beside.frequency)) + "\n")
    rows: list[dict[str, Any]] = []
    for path in sorted(PLACE.glob("*.jsonl.gz")):
        for number, line in enumerate(gzip.decompress(path.read_bytes()).decode().splitlines()):
            rows += table_rows(json.loads(line), f"{path.stem}-{number}", beside)
    names = sorted({name for row in rows for name in row} - set(ABOUT))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*ABOUT, *names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: f"{v:.5g}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    TABLE.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    print(len(rows), "rows,", TABLE.stat().st_size / 1e6, "MB")


@dataclass(frozen=True)
class Beside:
    """What the rows are made with.

    Attributes:
        libraries: by kind of answer and trained network.
        labelled: for each measured scan the names that count as its label, beside those of `label_names.csv`.
        real: for each measured scan the names of phases that are there and not labelled.
        frequency: how often phases are met.
        world: the built-in library.
    """

    libraries: dict[tuple[str, str], Library]
    labelled: dict[str, frozenset[str]]
    real: dict[str, frozenset[str]]
    frequency: Frequency
    world: World


def table_rows(answer: dict[str, Any], row: str, beside: Beside) -> list[dict[str, Any]]:
    """The rows of one answer.

    `strong` numbers the phases that are there and clear (all labelled ones of a measured scan) in the bits of a number,
    `truth` is the number of the one that a row is.
    """
    measured_one = "set" in answer
    own = answer["kind"] if answer["kind"] in ("labelled", "model") else "built-in"
    library = beside.libraries[own, MODELS[answer["set"]] if own != "built-in" else ""]
    about = {
        "scan": hashlib.sha1(answer["scan"].encode()).hexdigest()[:10],
        "source": next((lab for lab in LABORATORIES if lab in answer["scan"]), "others")
        if measured_one
        else "simulated",
        "kind": answer["kind"],
        "row": row,
        "strong": strong_ones(answer),
    }
    if not answer["found"]:
        return [about | {"unexplained": float(answer.get("unexplained") or 0.0)}]
    known = compounds().without(set(answer["gone"])) if answer["kind"] != "folder" else compounds()
    allowed, named = element_choice(answer["elements"]), named_elements(answer["elements"])
    phases = [library[one["name"]] for one in answer["found"]]
    out: list[dict[str, Any]] = []
    labelled = 0
    for one, phase in zip(answer["found"], phases, strict=True):
        fitted = replace(phase, cell=tuple(one["cell"]))
        features = one["features"] | {"cell": max(one["features"]["cell"], LOWEST)}
        features |= identity_features(phase, fitted, known, beside.frequency, allowed)
        worse = rivals_of(one["tried"], phase, library)
        features |= {"margin": margin(worse), "rivals": share_left(worse, DEFAULT.prior_weight)}
        others = [essential_elements(other) for other in phases if other is not phase]
        features |= chemistry(essential_elements(phase), others, named)
        features["network" if answer["kind"] == "model" else "matcher"] = float(log_odds(np.array(one["network"])))
        counts = one["right"] or one["name"] in beside.labelled.get(answer["scan"], ())
        right = counts or one["name"] in beside.real.get(answer["scan"], ())
        place = labelled if measured_one else truth_of(answer, one["name"], beside.world)
        labelled += counts
        said = {"right": int(right), "of_type": int(one["of_type"] or right), "truth": place if counts else ""}
        out.append(about | said | features)
    return out


def rivals_of(tried: Sequence[tuple[str, float]], own: Phase, library: Library) -> list[float]:
    """As `features.rivals_of`, from a kept answer."""
    return [worse for name, worse in tried if name not in library or not one_compound(own, library[name])]


def laboratory(scan: str) -> str:
    """Where a measured scan comes from, by its name."""
    return next((one for one in LABORATORIES if one in scan), "others")


def strong_ones(answer: dict[str, Any]) -> int:
    """The phases that an answer must name to be whole, a bit for each."""
    if "set" in answer:
        return (1 << (len(answer["there"]) + answer["strangers"])) - 1
    clear = [answer["signal"].get(name, 0.0) >= CLEAR for name, _ in answer["there"]]
    return sum(1 << i for i, one in enumerate(clear) if one)


def truth_of(answer: dict[str, Any], name: str, world: World) -> int:
    """Which of the phases of a simulated scan a name is; -1 for none."""
    row = world.row(name)
    for i, (other, _) in enumerate(answer["there"]):
        place = world.row(other)
        if row is not None and place is not None and world.same(row, place):
            return i
    return -1


def frequency_of_labels(data: Path) -> Frequency:
    """How often phases are met, by maximum likelihood of the labels among all phases of the built-in library.

    Each label counts once: papers and lists say how much likelier its entries are than others.
    """
    names, groups = builtin().library.names, counting(data)[0]
    place = {name: i for i, name in enumerate(names)}
    papers = np.log([entries()[name].papers for name in names])
    listed = np.array([bool(entries()[name].listed) for name in names], dtype=float)
    labels = sorted({phase for label in read_manifest(data / "dev.csv") for phase in label.phases})
    sets = [[place[n] for g in groups if label in g for n in g if n in place] for label in labels]

    def cost(values: Any) -> float:
        odds = values[0] * papers + values[1] * listed
        return float(sum(logsumexp(odds) - logsumexp(odds[own]) for own in sets if own))

    found = minimize(cost, [1.0, 1.0], method="Nelder-Mead").x
    return Frequency(*(round(float(value), 3) for value in found))


def names_of(cause: str, data: Path) -> dict[str, frozenset[str]]:
    """For each measured scan the names of the phases to which `causes.csv` gives a cause."""
    groups, _ = counting(data)
    found: dict[str, set[str]] = {}
    for stem, phase in (key for key, (said, *_) in read_causes().items() if said == cause):
        own = {phase}.union(*(group for group in groups if phase in group))
        found.setdefault(stem, set()).update(own)
    return {stem: frozenset(names) for stem, names in found.items()}


if __name__ == "__main__":
    main()
