"""Known against unknown, with whole phases left out of the library.

    python benchmarks/unknowns.py [--data DIR] [--models DIR] [--each N] [--sets SET ...]

DIR as in benchmarks/identification.py, whose kept answers the last table takes. N simulated scans of each of the 74
oxides. About twenty minutes on one core. Writes benchmarks/results/unknowns.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kept_answers import RESULTS, SETS, Asked, arguments, kept
from scipy.stats import rankdata
from simulated import singles

from bragglens.crystal.library import Library
from bragglens.identification.answer import Identification
from bragglens.identification.evaluate import read_alike, read_manifest
from bragglens.identification.verdict import set_probability, verdict_of
from bragglens.identification.verify import verify
from bragglens.learn.model import Model, load_model
from bragglens.policy import DEFAULT
from bragglens.scan.prepare import to_grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.similarity import indistinguishable_pairs

MEASURED = ("single_tio2", "weighed_oxides", "weighed_cpd", "single_rruff", "single_rockjock")
KNOWN = ("known", "mixture")  # verdicts that claim the whole scan, and surely
WAYS = ("fit", "both")
HEAD = """# Known against unknown

`python benchmarks/unknowns.py`. Each scan is identified twice: with all phases of the library allowed, and without
one of its phases and all look-alikes of that phase (`similarity.indistinguishable_pairs`, `alike.csv`). Of a mixture
each phase is left out in turn. The score is the largest probability of a named phase, times (1 - unexplained).
*AUROC* is how often a scan with its phase allowed scores above one without. *fit*: the whole-pattern fit alone;
*both*: network and fit.

The network was trained on all phases, including those left out. So it may judge the others better beside these than
beside a phase that it has never seen. The fit has no such memory; the last table has phases that neither has seen.

*wrong, left out*: with the phase left out, there was a false positive; *and called known*: it was a confident one
(verdict known or mixture). *wrong, all allowed*: the same two with all phases allowed.

| scans | number | method | AUROC | wrong, left out | and called known | wrong, all allowed | and called known |
|---|---|---|---|---|---|---|---|
"""
STRANGERS_HEAD = """
Phases that are really outside the library, from the answers kept by `benchmarks/identification.py`: scans of phases of
the library against scans of other minerals. The network's score is its largest probability times (1 - its probability
of a phase outside the library).

| library | known | unknown | method | AUROC |
|---|---|---|---|---|
"""
TAIL = """
An earlier run in detail: in 16 of the 19 simulated scans where *both* gave a confident false positive, the named phase
has the same Bravais lattice with a size within the 3% that a fit may strain it: TiN, TiO, MgO and NiO for each
other, Al and LiF, Cr2O3 as hematite, silicon, fluorite and sphalerite for each other. The others are zircon as
rutile, gibbsite as brucite and tetragonal ZrO2 as In2O3. Probabilities are 0.5 to 0.95. Most of
rockjock's false positives are impurities that the labels leave out (`identification.md`).
"""
STRANGERS = (  # library, sets that it holds, set that it does not
    ("tio2", ("single_tio2", "tio2_mixtures"), "open_tio2"),
    ("oxides", ("tio2_mixtures", "weighed_oxides", "weighed_cpd", "li_mn_ti_o_f"), "open_oxides"),
)


@dataclass(frozen=True)
class Case:
    """A scan, the phases that it holds, and what counts as one of them."""

    scan: Scan
    wavelength: float
    phases: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """What was said of a case with a pool of phases."""

    score: float
    wrong: bool
    called_known: bool

    @property
    def wrong_and_known(self) -> bool:
        return self.wrong and self.called_known


@dataclass(frozen=True)
class Likeness:
    """Which phases count as one, and which are too alike to leave one out alone."""

    same: tuple[frozenset[str], ...]
    near: tuple[frozenset[str], ...]

    def one(self, name: str, others: Iterable[str]) -> bool:
        return any(name == other or any({name, other} <= group for group in self.same) for other in others)

    def with_relatives(self, name: str) -> set[str]:
        return {name}.union(*(group for group in (*self.same, *self.near) if name in group))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--sets", nargs="*", default=MEASURED)
    options = parser.parse_args()
    text = HEAD
    oxides = load_model(options.models / "oxides.bragglens")
    same = read_alike(options.data / "alike.csv")
    drawn = singles(oxides.library.phases, options.each)
    cases = [Case(s.scan, s.scan.wavelength or 0.0, frozenset(n for n in s.names if n)) for s in drawn]
    seen = [bool(s.visible()) for s in drawn]
    cases = [case for case, visible in zip(cases, seen, strict=True) if visible]
    text += rows(f"simulated, {len(cases)} of {len(drawn)} that can be seen", cases, oxides, same)
    for name in options.sets:
        library = next(library for library, other in SETS if other == name)
        labels = [x for x in read_manifest(options.data / "dev.csv", sets=[name]) if x.phases and x.wavelength]
        cases = [Case(read_scan(x.file), x.wavelength or 0.0, x.phases) for x in labels]
        text += rows(name, cases, load_model(options.models / f"{library}.bragglens"), same)
    text += STRANGERS_HEAD
    everything = {pair: kept(*pair, options.data) for pair in SETS}
    for library, held, foreign in STRANGERS:
        known = [a for name in held for a in everything[library, name]]
        text += stranger_rows(library, known, everything[library, foreign])
    text += TAIL
    (RESULTS / "unknowns.md").write_text(text)
    print(text)


def rows(name: str, cases: Sequence[Case], model: Model, same: tuple[frozenset[str], ...]) -> str:
    out = ""
    likeness = Likeness(same, near(model.library))
    for way in WAYS:
        allowed, left_out = [], []
        for case in cases:
            network = opinion(case, model) if way == "both" else None
            allowed.append(verdict(case, model.library, network, likeness, set()))
            for phase in sorted(case.phases):
                gone = likeness.with_relatives(phase)
                left_out.append(verdict(case, model.library, network, likeness, gone))
        figures = [
            f"{auroc([v.score for v in allowed], [v.score for v in left_out]):.3f}",
            *(share([getattr(v, key) for v in left_out]) for key in ("wrong", "wrong_and_known")),
            *(share([getattr(v, key) for v in allowed]) for key in ("wrong", "wrong_and_known")),
        ]
        first = [name, str(len(cases))] if way == WAYS[0] else ["", ""]
        out += "| " + " | ".join([*first, way, *figures]) + " |\n"
        print(out.splitlines()[-1], flush=True)
    return out


@lru_cache(maxsize=4)
def near(library: Library) -> tuple[frozenset[str], ...]:
    """Pairs of a library that powder patterns hardly tell apart."""
    return tuple(frozenset(pair[:2]) for pair in indistinguishable_pairs(library.phases))


def opinion(case: Case, model: Model) -> dict[str, float]:
    scores = model.judge(to_grid(case.scan, model.preparation, wavelength=case.wavelength))
    return dict(zip(model.library.names, scores.tolist(), strict=False))


def verdict(
    case: Case, library: Library, network: dict[str, float] | None, likeness: Likeness, gone: set[str]
) -> Verdict:
    """What is said of a case with some phases of the library left out."""
    allowed = [name for name in library.names if name not in gone]
    proof = verify(
        case.scan, library.phases, wavelength=case.wavelength, network=network, opinion="network", allowed=allowed
    )
    certain = set_probability(proof.findings, proof.unexplained) >= DEFAULT.sure
    foreign = bool(proof.relatives) or proof.unexplained > DEFAULT.most_unexplained
    named = [f.name for f in proof.findings]
    return Verdict(
        score([f.probability for f in proof.findings], proof.unexplained),
        wrong=any(not likeness.one(name, case.phases - gone) for name in named),
        called_known=verdict_of(proof.findings, foreign, certain) in KNOWN,
    )


def score(probabilities: Sequence[float], unexplained: float) -> float:
    return max(probabilities, default=0.0) * (1 - unexplained)


def auroc(known: Sequence[float], unknown: Sequence[float]) -> float:
    """Area under the ROC curve by ranks, ties counted half (Mann and Whitney)."""
    if not known or not unknown:
        return float("nan")
    ranks = rankdata([*known, *unknown])
    n, m = len(known), len(unknown)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def share(values: Sequence[bool]) -> str:
    return f"{sum(values)}/{len(values)}"


def stranger_rows(library: str, known: Sequence[Asked], unknown: Sequence[Asked]) -> str:
    out = ""
    for way in ("network", *WAYS):
        inside, outside = ([of_answer(a.judged.answer) for a in part if a.way == way] for part in (known, unknown))
        first = [library, str(len(inside)), str(len(outside))] if way == "network" else ["", "", ""]
        out += "| " + " | ".join([*first, way, f"{auroc(inside, outside):.3f}"]) + " |\n"
    return out


def of_answer(answer: Identification) -> float:
    if answer.unexplained is None:
        return score(list((answer.probabilities or {}).values()), answer.stranger or 0.0)
    return score([f.probability for f in answer.phases], answer.unexplained)


if __name__ == "__main__":
    main()
