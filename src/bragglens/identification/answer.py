"""Identification: the answer for one scan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bragglens.crystal.cell import Cell
from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.fit.residual import Peak
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.disagreement import Disagreement
from bragglens.identification.sketch import Sketch
from bragglens.identification.sources import Source
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.pattern import Pattern

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

SCHEMA = 1
LEAST_SHOWN = 0.001  # probability below which no proposal of the network alone is shown
FractionOf = Literal["named phases", "whole sample"]
Verdict = Literal["known", "mixture", "tentative", "partly unknown", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One phase that the scan is said to hold.

    Attributes:
        name: the phase's name in the library.
        probability: that it is there, network and fit together.
        weight_percent: share among the named phases (of the whole sample where an internal standard was weighed in, see
            `Identification.fraction_of`), or None where it was not determined.
        weight_percent_error: half of the 95% interval, or None; it grows with what is unexplained, which may be a
            phase more.
        rivals: phases that explain the scan about as well, any of which may be there in its place.
        network: the network's own probability.
        evidence: how much worse the fit is without the phase, in independent standard deviations squared.
        residual: R of the phase's own lines: share of the intensity under them that the fit misses.
        rwp_without: Rwp of the fit of the other phases alone.
        cell: as fitted; six numbers in the JSON, a, b, c in Å and α, β, γ in degrees.
        strain: largest relative change of a length in the library's lattice that the fit needed.
        size: fitted volume-weighted crystallite size in nm; from about 200 nm on it means "large".
        size_error: half of its 95% interval, where the instrument is calibrated; else None: its breadth is a guess.
        formula: as chemists write it, `TiO2`; empty where the structure states none.
        space_group: Hermann-Mauguin symbol, `P 42/m n m`.
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

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {**vars(self), "cell": self.cell and self.cell.numbers}


@dataclass(frozen=True)
class TubeLine:
    """A peak that another line of the tube than Kα makes of a reflection of a named phase (`tube_lines.left_over`).

    Attributes:
        two_theta: its top in degrees.
        d: the spacing in Å that it would have, were it of Kα1.
        share: its area over that of all peaks of the scan.
        line: `Kβ` or `W Lα`.
        phase: name of the phase.
        of_two_theta: where the reflection stands for Kα1, in degrees.
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
        two_theta: centre of its upper half in degrees.
        fwhm: its breadth at half height in degrees.
    """

    share: float
    two_theta: float
    fwhm: float


@dataclass(frozen=True)
class Rietveld:
    """A Rietveld refinement of the same scan by another program, begun where the fit has ended.

    Attributes:
        program: its name, version and plan.
        rwp: weighted profile R, as of the fit.
        weight_percent: share of each phase among those refined.
        weight_percent_error: half of the 95% interval that the program states.
        error: why there is none, in one sentence.
    """

    program: str = ""
    rwp: float | None = None
    weight_percent: dict[str, float] = field(default_factory=dict)
    weight_percent_error: dict[str, float] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Identification:
    """What a scan holds. What is not known is None, never zero.

    Attributes:
        file: the scan's file or name.
        model: name of the model that was asked.
        verdict: `known` (one phase), `mixture`, `tentative` (nothing is missing, but one of the phases is not sure: its
            probability is below `Policy.sure`, or a rival explains the scan as well), `partly unknown` (phases and
            something else), `unknown` (no phase of the library), or None where the scan could not be judged.
        phases: what was found, the largest share first (the most probable first where the network alone answered).
        probabilities: the network's probability of every phase that may be named.
        stranger: probability that something outside the library is there too as the network sees it, or None where the
            model cannot tell.
        unexplained: share of the intensity of all peaks that the phases do not explain.
        unexplained_peaks: where that intensity is.
        tube_lines: peaks that are Kβ or tungsten lines of named phases; they do not count as unexplained.
        hump: the highest hump of the background, or None where there is none, or no phase was found.
        rwp: weighted profile R of the fit (`whole_pattern.Fit`).
        goodness: Rwp over the Rwp that counting noise alone would leave.
        amorphous_percent: wt% of the specimen that is none of the phases, where an internal standard tells it.
        amorphous_percent_error: half of its 95% interval.
        detection_limits: for each phase that was sought and is not there, the wt% that would have been found.
        fit: the fitted pattern, or None where the network alone answered.
        wavelength: Å of the scan's strongest line, as stated in the file or by the user.
        seconds: time it took.
        error: why the scan could not be judged, in one sentence.
        notes: what the reader had to do to the file.
        pattern: the scan on the model's grid.
        options: how the scan was looked at, those of `Options` that were given.
        metadata: what the file states of the measurement (`scan.Scan.metadata`).
        rietveld: what a Rietveld refinement makes of it, where that was asked for.
        relatives: phases that the fit needs and that are not named: out of a library so large that most phases have a
            relative of their structure type, such a relative is at least as likely there. With one of them the verdict
            is unknown, or partly unknown.
        disagreement: where network and fit disagree, the phases that the network names and the fit does not, and which
            parts of the scan speak for them to the network; None where they agree.
        sketch: where the network alone answered, the scan with the calculated reflections of the phases; else None.
        policy: the thresholds that decided; JSON states those that are not the package's own.
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

    @property
    def fraction_of(self) -> FractionOf | None:
        """What the weight fractions are shares of; None where there are none."""
        if all(finding.weight_percent is None for finding in self.phases):
            return None
        return "named phases" if self.amorphous_percent is None else "whole sample"

    @property
    def nearest(self) -> Finding | None:
        """The phase that the network holds for the most probable, found or not.

        None where no probabilities were computed, none reaches LEAST_SHOWN, or where there are `relatives`: the fit has
        shown that one of those is nearer.
        """
        values = {} if self.relatives else self.probabilities or {}
        first = max(values, key=values.__getitem__, default=None)
        return None if first is None or values[first] < LEAST_SHOWN else Finding(first, values[first])

    @property
    def without_patterns(self) -> Identification:
        """The answer without what only plots and profiles need: of a million scans that must fit into memory."""
        return replace(self, pattern=None, fit=None, disagreement=None, sketch=None)

    def __getitem__(self, name: str) -> Finding:
        """What was found of a phase.

        Raises:
            BragglensError: it was not found.
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
        """What it is, in one line: the fit alone is thousands of numbers."""
        found = ", ".join(finding.name for finding in self.phases)
        return f"Identification({self.file!r}: {self.verdict or 'error'}{f', {found}' if found else ''})"

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values (schema 1: fields are added, never changed)."""
        return {
            "file": self.file,
            "verdict": self.verdict,
            "phases": [finding.to_dict() for finding in self.phases],
            "relatives": [finding.to_dict() for finding in self.relatives],
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
            "metadata": self.metadata,
            "rietveld": vars(self.rietveld) if self.rietveld else None,
        }

    def plot(self) -> Figure:
        """The scan, its fit and its phases as a matplotlib figure.

        Raises:
            BragglensError: the scan could not be judged; or matplotlib, of the extra `plots`, is not installed.
        """
        with extra("plots", "a figure"):
            from bragglens.report.identified import identification_figure
        return identification_figure(self)

    def report(self, path: str | Path, asked: Source = None) -> Path:
        """Write the answer as one HTML page that needs nothing else.

        Args:
            path: of the page, which ends in .html.
            asked: the model, or library, that answered; with it, the page says what is known of it.

        Returns:
            The path.

        Raises:
            BragglensError: the name is of no page, or it cannot be written there.
        """
        from bragglens.report.page import write_report

        return write_report(self, Path(path), asked)

    def to_frame(self) -> DataFrame:
        """The phases as a pandas DataFrame: a row for each, with the fields of `Finding` and the cell in columns.

        Raises:
            BragglensError: pandas is not installed.
        """
        from bragglens.report.tidy import phase_frame

        return phase_frame(self)

    def _repr_html_(self) -> str:
        """The answer as a notebook shows it: verdict, phases and plot."""
        from bragglens.report.notebook import notebook_html

        return notebook_html(self)


def document(model: str, identifications: list[Identification]) -> dict[str, Any]:
    """The object that `bragglens identify --json` writes."""
    return {"schema": SCHEMA, "model": model, "scans": [one.to_dict() for one in identifications]}
