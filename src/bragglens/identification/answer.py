"""Identification: the answer for one scan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bragglens.crystal.cell import Cell
from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.fit.additions import Addition
from bragglens.fit.residual import Peak
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.disagreement import Disagreement
from bragglens.identification.posterior import Evidence
from bragglens.identification.sketch import Sketch
from bragglens.identification.solid_solution import SolidSolution
from bragglens.identification.sources import Source
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.pattern import Pattern

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

SCHEMA = 1
LEAST_SHOWN = 0.001  # network proposals below this probability are not shown
FractionOf = Literal["named phases", "whole sample"]
State = Literal["named", "fitted, not named", "fitted in its place", "fitted beside", "not fitted"]
Verdict = Literal["known", "mixture", "tentative", "partly unknown", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One phase that the answer names.

    Attributes:
        name: the phase's name in the library.
        probability: that it is present, from network and fit together.
        weight_percent: share among the named phases, or None where it was not determined. With an internal standard it
            is the share of the whole sample (`Identification.fraction_of`).
        weight_percent_error: half of the 95% interval, or None; it grows with the unexplained intensity, which may be a
            further phase.
        rivals: phases that explain the scan about as well, any of which may be present in its place.
        network: probability that the network alone gives.
        evidence: increase of χ² without the phase, counted by effective degrees of freedom.
        residual: R of the phase: share of the intensity under its own lines that the fit misses.
        rwp_without: Rwp of the fit of the other phases alone.
        cell: as fitted; in the JSON six numbers: a, b, c in Å and α, β, γ in degrees.
        strain: largest relative change of a length in the library's lattice that the fit needed.
        size: fitted volume-weighted crystallite size in nm; above about 200 nm it only means "large".
        size_error: half of its 95% interval if the instrument is calibrated, else None: the instrumental width is then
            a guess.
        formula: as chemists write it, `TiO2`; empty where the structure gives none.
        space_group: Hermann-Mauguin symbol, `P 42/m n m`.
        itself: probability that it is this phase if one of its structure type and lattice is present; the probability
            includes it.
        why: what each feature of the fit says, by its share of the log odds (`posterior.Evidence`).
        tried: phases that were fitted in its place, with the evidence by which each is worse; the best first.
        texture: texture index, the mean square of its orientation distribution: 1 without preferred orientation. None
            without a fit.
        scatter: relative scatter of the intensities of its lines about those of its structure (`fit.line_scatter`).
            None where fewer than two lines tell.
        solid_solution: its composition between two end members, by its lattice; None where it is not clearly one.
    """

    name: str
    probability: float
    weight_percent: float | None = None
    weight_percent_error: float | None = None
    rivals: tuple[str, ...] = ()
    network: float | None = None
    evidence: float | None = None
    residual: float | None = None
    rwp_without: float | None = None
    cell: Cell | None = None
    size: float | None = None
    strain: float | None = None
    size_error: float | None = None
    formula: str = ""
    space_group: str = ""
    itself: float = 1.0
    why: tuple[Evidence, ...] = field(default=(), repr=False)
    tried: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    texture: float | None = None
    scatter: float | None = None
    solid_solution: SolidSolution | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        cell, why = self.cell and self.cell.numbers, [vars(one) for one in self.why]
        mixed = self.solid_solution and {**vars(self.solid_solution), "others": list(self.solid_solution.others)}
        return {**vars(self), "cell": cell, "why": why, "tried": dict(self.tried), "solid_solution": mixed}


@dataclass(frozen=True)
class Considered:
    """A phase that was considered.

    Attributes:
        name, formula, space_group: of the phase.
        state: `named`; `fitted, not named`; `fitted in its place`, that of `instead_of`; `fitted beside`, as a
            further phase for the unexplained intensity; `not fitted`.
        network: probability by the network or the matcher, before the fit.
        probability: by the fit, if it is in it; None otherwise.
        instead_of: name of the phase in whose place it was fitted.
        worse: evidence by which that fit is worse.
        explains: share of the unexplained intensity that it would explain as a further phase; None if it was not tried.
        lines_for: places of those of its ten strongest lines in the range where the scan has intensity, 2θ in degrees.
        lines_against: places of the others.
    """

    name: str
    formula: str
    space_group: str
    state: State
    network: float
    probability: float | None = None
    instead_of: str = ""
    worse: float | None = None
    explains: float | None = None
    lines_for: tuple[float, ...] = ()
    lines_against: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The candidate as plain JSON values."""
        return vars(self)


@dataclass(frozen=True)
class TubeLine:
    """A peak of Kβ or tungsten Lα radiation, from a reflection of a named phase (`tube_lines.left_over`).

    Attributes:
        two_theta: its maximum in degrees.
        d: the d-spacing in Å that it would have for Kα1.
        share: its area over that of all peaks of the scan.
        line: `Kβ` or `W Lα`.
        phase: name of the phase.
        of_two_theta: position of the reflection for Kα1, in degrees.
        ratio: intensity of the line over that of Kα1, from all its peaks.
    """

    two_theta: float
    d: float
    share: float
    line: str
    phase: str
    of_two_theta: float
    ratio: float


@dataclass(frozen=True)
class Hump:
    """A broad hump that no instrument background explains (`humps.hump_of`).

    Attributes:
        share: its area over that of hump and peaks together.
        two_theta: centre of its upper half, in degrees.
        fwhm: its width at half height, in degrees.
    """

    share: float
    two_theta: float
    fwhm: float


@dataclass(frozen=True)
class Rietveld:
    """A Rietveld refinement of the same scan by another program, started from the result of the fit.

    Attributes:
        program: its name, version and plan.
        rwp: weighted profile R, defined as for the fit.
        weight_percent: share of each phase among those refined.
        weight_percent_error: half of the 95% interval that the program gives.
        error: why there is no refinement, in one sentence.
    """

    program: str = ""
    rwp: float | None = None
    weight_percent: dict[str, float] = field(default_factory=dict)
    weight_percent_error: dict[str, float] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Identification:
    """The answer for one scan. What is not known is None, never zero.

    Attributes:
        file: the scan's file or name.
        model: identity of the model or library.
        verdict: `known` (one phase), `mixture`, `tentative` (nothing is missing, but `probability` is below
            `Policy.sure`), `partly unknown` (phases and something else),
            `unknown` (no phase of the library), or None where the scan could not be judged.
        phases: what was found, the largest share first; without a fit, the most probable first.
        probabilities: the network's probability of every phase that may be named.
        stranger: probability, by the network, that a phase outside the library is also present; None where the model
            does not give it.
        unexplained: share of the intensity of all peaks that the phases do not explain.
        unexplained_peaks: where that intensity is.
        tube_lines: peaks that are Kβ or tungsten Lα lines of named phases; they do not count as unexplained.
        hump: the highest hump of the background; None without a hump or without phases.
        rwp: weighted profile R of the fit (`whole_pattern.Fit`).
        goodness: Rwp over the Rwp that counting noise alone would leave.
        amorphous_percent: wt% of the specimen that is none of the phases, from an internal standard.
        amorphous_percent_error: half of its 95% interval.
        detection_limits: for each allowed phase that was not found, the wt% that would have been found.
        fit: the fitted pattern, or None where the network alone was used.
        wavelength: Å of the strongest line of the radiation, from the file or the user.
        seconds: time it took.
        error: why the scan could not be judged, in one sentence.
        notes: corrections that the reader made to the file, and other notes.
        pattern: the scan on the model's grid.
        options: the options of `Options` that were given.
        metadata: what the file says about the measurement (`scan.Scan.metadata`).
        rietveld: result of a Rietveld refinement of the scan, if requested.
        relatives: fitted phases that are not named. In a very large library most phases have an isostructural
            neighbour, and here one is at least as likely present. The verdict is then unknown, or partly unknown.
        disagreement: where network and fit disagree, the phases that only the network names, and the parts of the scan
            on which the network's probabilities rest; None where they agree.
        sketch: where the network alone was used, the scan with calculated reflections of the phases; else None.
        policy: the thresholds used; the JSON gives those that are not the defaults.
        probability: that the named phases are all that the scan contains, by the fit; None without a fit or a phase.
        because: why the verdict is not known or mixture, as the end of a sentence; empty otherwise.
        settled_by: what would settle it.
        posterior: hash and date of the tables from which the probabilities follow; None without a fit.
        candidates: the thirty best phases that were considered by the fit, the best first.
        beside: what further phases would explain of the unexplained intensity, by name.
    """

    file: str
    model: str
    verdict: Verdict | None
    phases: tuple[Finding, ...] = ()
    probabilities: dict[str, float] | None = None
    stranger: float | None = None
    unexplained: float | None = None
    unexplained_peaks: tuple[Peak, ...] = ()
    rwp: float | None = None
    goodness: float | None = None
    amorphous_percent: float | None = None
    amorphous_percent_error: float | None = None
    detection_limits: dict[str, float] | None = None
    wavelength: float | None = None
    seconds: float | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    pattern: Pattern | None = None
    fit: Fit | None = None
    options: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    rietveld: Rietveld | None = None
    relatives: tuple[Finding, ...] = ()
    hump: Hump | None = None
    tube_lines: tuple[TubeLine, ...] = ()
    disagreement: Disagreement | None = field(default=None, compare=False)
    sketch: Sketch | None = field(default=None, compare=False)
    policy: Policy = DEFAULT
    probability: float | None = None
    because: str = ""
    settled_by: str = ""
    candidates: tuple[Considered, ...] = ()
    posterior: str | None = None
    beside: dict[str, Addition] = field(default_factory=dict, repr=False)

    @property
    def fraction_of(self) -> FractionOf | None:
        """Total of which the weight fractions are shares; None where there are none."""
        if all(finding.weight_percent is None for finding in self.phases):
            return None
        return "named phases" if self.amorphous_percent is None else "whole sample"

    @property
    def nearest(self) -> Finding | None:
        """The phase with the largest network probability, found or not.

        None where there are no probabilities or none reaches LEAST_SHOWN. None also where there are `relatives`,
        because the fit has shown that one of those is nearer.
        """
        values = {} if self.relatives else self.probabilities or {}
        first = max(values, key=values.__getitem__, default=None)
        return None if first is None or values[first] < LEAST_SHOWN else Finding(first, values[first])

    @property
    def without_patterns(self) -> Identification:
        """The answer without the data of plots and profiles, so that answers for a million scans fit into memory."""
        return replace(self, pattern=None, fit=None, disagreement=None, sketch=None)

    def __getitem__(self, name: str) -> Finding:
        """The finding of one phase.

        Raises:
            BragglensError: the phase was not found.
        """
        for finding in (*self.phases, *self.relatives):
            if finding.name == name:
                return finding
        found = ", ".join(finding.name for finding in self.phases) or "no phase"
        raise BragglensError(
            f"{self.file}: '{name}' was not found in it, but {found}: see detection_limits for its limit of detection"
        )

    def __contains__(self, name: object) -> bool:
        """Whether a phase of this name was found."""
        return any(finding.name == name for finding in self.phases)

    def __str__(self) -> str:
        """The answer in a sentence or two."""
        from bragglens.report.words import sentence

        return sentence(self) if self.error else f"{self.file}: {sentence(self)}"

    def __repr__(self) -> str:
        """A short description in one line; the fit alone is thousands of numbers."""
        found = ", ".join(finding.name for finding in self.phases)
        return f"Identification({self.file!r}: {self.verdict or 'error'}{f', {found}' if found else ''})"

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values (schema 1: fields are added, none is changed)."""
        return {
            "file": self.file,
            "verdict": self.verdict,
            "probability": self.probability,
            "because": self.because,
            "settled_by": self.settled_by,
            "phases": [finding.to_dict() for finding in self.phases],
            "relatives": [finding.to_dict() for finding in self.relatives],
            "candidates": [one.to_dict() for one in self.candidates],
            "fraction_of": self.fraction_of,
            "unexplained": self.unexplained,
            "unexplained_peaks": [vars(peak) for peak in self.unexplained_peaks],
            "tube_lines": [vars(line) for line in self.tube_lines],
            "hump": vars(self.hump) if self.hump else None,
            "rwp": self.rwp,
            "goodness": self.goodness,
            "amorphous_percent": self.amorphous_percent,
            "amorphous_percent_error": self.amorphous_percent_error,
            "detection_limits": self.detection_limits,
            "seconds": self.seconds,
            "error": self.error,
            "probabilities": self.probabilities,
            "stranger": self.stranger,
            "wavelength": self.wavelength,
            "notes": list(self.notes),
            "options": self.options,
            "policy": self.policy.changed(),
            "posterior": self.posterior,
            "metadata": self.metadata,
            "rietveld": vars(self.rietveld) if self.rietveld else None,
        }

    def plot(self) -> Figure:
        """The scan, its fit and its phases as a matplotlib figure.

        Raises:
            BragglensError: the scan could not be judged; or matplotlib (extra `plots`) is not installed.
        """
        with extra("plots", "a figure"):
            from bragglens.report.identified import identification_figure
        return identification_figure(self)

    def report(self, path: str | Path, asked: Source = None) -> Path:
        """Write the answer as one self-contained HTML page.

        Args:
            path: of the page; it must end in .html.
            asked: the model or library that was used; the page then describes it.

        Returns:
            The path.

        Raises:
            BragglensError: the name does not end in .html, or the file cannot be written.
        """
        from bragglens.report.page import write_report

        return write_report(self, Path(path), asked)

    def to_frame(self) -> DataFrame:
        """The phases as a pandas DataFrame: one row each, with the fields of `Finding` and the cell in columns.

        Raises:
            BragglensError: pandas is not installed.
        """
        from bragglens.report.tidy import phase_frame

        return phase_frame(self)

    def _repr_html_(self) -> str:
        """The answer for display in a notebook: verdict, phases and plot."""
        from bragglens.report.notebook import notebook_html

        return notebook_html(self)


def document(model: str, identifications: list[Identification]) -> dict[str, Any]:
    """The object that `bragglens identify --json` writes."""
    return {"schema": SCHEMA, "model": model, "scans": [one.to_dict() for one in identifications]}
