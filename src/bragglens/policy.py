"""Policy: the thresholds that affect an answer, in one place, with its meaning, unit and origin.

A fit has parameters with bounds and usual spreads (`fit.parameters`), a network has weights, and the probabilities of
phases follow from fitted tables (`identification.posterior`). The thresholds that affect a verdict, a phase, a fraction
or its error are here. Numbers of a method itself (rounds of a search, limits of a computation) are constants beside the
code that uses them. Notices about a wrong axis (`identification.axis`) change no answer; their numbers are in that
module.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bragglens.errors import BragglensError
from bragglens.files import read_bytes

_LARGEST = 2**16  # bytes of a policy file
_JUDGED = "judgement"


def _value(default: float, unit: str, meaning: str, origin: str = _JUDGED, *, high: float = float("inf")) -> Any:
    """A threshold from 0 to `high`; never negative."""
    return field(default=default, metadata={"unit": unit, "meaning": meaning, "origin": origin, "high": high})


def _share(default: float, meaning: str, origin: str = _JUDGED) -> Any:
    return _value(default, "share", meaning, origin, high=1.0)


def _probability(default: float, meaning: str, origin: str = _JUDGED) -> Any:
    return _value(default, "probability", meaning, origin, high=1.0)


_SIMULATED_OXIDES = "lower quartile of 74 simulated oxides with 200 counts at the strongest peak"


@dataclass(frozen=True)
class Policy:
    """The thresholds of an answer. `replace(DEFAULT, name=value)` or a TOML file of `name = value` makes another."""

    # --- allowed misfit of the right phases (fit.observed)
    relative_model_error: float = _share(
        0.08, "relative model error: typical misfit of a calculated line of the right structure"
    )
    usual_model_error: float = _share(
        0.045,
        "model error of a usual scan",
        "judgement; 102 measured single minerals have 5.0% in the median (benchmarks/results/intensities.md)",
    )
    usual_points: float = _value(2.0, "points", "independent points for which the usual model error counts")
    least_learned_error: float = _value(
        0.25,
        "",
        "smallest model error that a scan may show, over relative_model_error",
        "a tenth of measured scans show less",
    )
    most_learned_error: float = _value(4.0, "", "the largest")
    background_error: float = _share(0.01, "relative error of a smooth background curve")
    most_background_error: float = _value(
        10.0, "", "largest background error that a scan may show, over background_error"
    )
    tail_error: float = _value(2.0, "", "weight of neighbouring intensity in the model error (tails, small shifts)")
    tail_width: float = _value(0.3, "°", "reach of a line's tails in the model error")
    least_error: float = _share(1e-3, "smallest error of any point, relative to the strongest point")
    line_width: float = _value(0.1, "°", "points closer than this are one independent observation of a misfit")
    soft_width: float = _value(0.4, "°", "lines are broadened to this width until a phase determines the shift")
    most_points: int = _value(
        4500, "points", "scans with more points are averaged: laboratory lines keep at least two points"
    )
    degrees_per_background_term: float = _value(
        6.0, "°", "one background term per interval of this width: humps are 20° wide"
    )
    baseline_bend: float = _value(12.0, "°", "length of the shortest variation that the baseline follows")
    hump_window: float = _value(
        8.0, "°", "wider features are not peaks: lines of 4 nm crystallites have half this width"
    )
    hump_window_fine: float = _value(3.0, "°", "narrower window, which keeps more of the top of a hump")
    hump_top: float = _value(1.5, "", "largest ratio of the narrow window's result to that of the wide one")
    least_hump: float = _share(
        0.02, "least height of a hump over the strongest point; the background follows lower ones"
    )
    hump_clear: float = _share(
        0.13, "largest median height of the points above a hump over its own height; crowded lines have more"
    )

    # --- what counts as unexplained (fit.residual)
    peak_stands_out: float = _value(5.0, "σ", "least height of an unexplained peak in the list")
    intensity_stands_out: float = _value(3.0, "σ", "least residual that counts as unexplained")
    noise_left: float = _value(0.6, "σ", "mean residual from noise alone", _SIMULATED_OXIDES)

    # --- the search (fit.search, fit.settle)
    least_evidence: float = _value(10.0, "", "evidence below which a phase is left out")
    sure_evidence: float = _value(
        100.0, "", "evidence at the detection limit: half of such phases are found", "benchmarks/detection.py"
    )
    most_phases: int = _value(8, "phases", "largest number of phases of one scan")
    candidates_tried: int = _value(4, "phases", "best candidates of the screening that are fitted")
    texture_axes_tried: int = _value(3, "axes", "best texture axes of a phase that are fitted")
    restarts: int = _value(2, "rounds", "rounds of further starts for the final phases")
    extension_gain: float = _value(
        20.0,
        "",
        "improvement for each phase from which on a second crystallite size or an orientation distribution is fitted",
    )
    strained: float = _value(
        0.008, "Δd/d", "strain above which a lattice may fit the lines of another phase; twice the usual"
    )
    indistinguishable: float = _share(0.8, "similarity of two fitted patterns above which one phase may replace both")
    rival_margin: float = _value(12.0, "", "largest evidence by which a rival may fit worse")
    exchange_gain: float = _share(0.5, "least screening gain of a replacement, relative to the phase's evidence")

    # --- the shortlist from a large library (identification.shortlist)
    likeliest: int = _value(32, "phases", "of a larger library: fitted phases with the highest probability")
    largest: int = _value(12, "phases", "further fitted phases, by probability times share of the intensity")
    added: int = _value(12, "phases", "largest number of phases added for the residual")
    least_added: float = _probability(0.02, "least probability of an added phase")
    similar_lines: float = _share(
        0.8,
        "similarity of lines above which the matcher may confuse two phases",
        "24 measured minerals: nearest phase outside the shortlist 0.56 to 0.75, illite and muscovite 0.90",
    )

    # --- what is assumed before the fit (identification.prior)
    prior_weight: float = _value(3.0, "", "evidence per unit of log odds before the fit")
    element_expected: float = _probability(0.98, "that a given element is in one of the phases")

    # --- the verdict (identification.identify)
    named: float = _probability(0.5, "least value for a named phase")
    sure: float = _probability(
        0.95,
        "least probability of the whole set for the verdict known or mixture, and of a phase itself to name no rival",
    )
    most_unexplained: float = _share(0.1, "unexplained peak intensity above which the verdict is partly unknown")
    look_again: float = _share(0.15, "unexplained peak intensity above which other axes are tested")
    both_named: float = _probability(0.9, "least value at which the network names both of two indistinguishable phases")
    least_rival: float = _probability(
        0.1, "least value, by the network, of an indistinguishable phase reported as a rival"
    )
    least_lines: int = _value(
        3,
        "lines",
        "least number of lines of a phase in the range of the scan",
        "Hanawalt's search: three strongest lines (1938)",
    )
    faint_line: float = _share(
        0.01, "least intensity of a counted line over the strongest line of the phase in the range"
    )

    # --- lines of the tube (identification.tube_lines)
    most_k_beta: float = _share(
        0.32,
        "largest intensity of Kβ over Kα1",
        "unfiltered, 1.5 times Kβ/Kα of Ag (Scofield 1974, Phys. Rev. A 9, 1041)",
    )
    most_tungsten: float = _share(0.05, "largest intensity of W Lα over Kα1; old anodes have a few percent")
    tube_places: int = _value(5, "lines", "number of strongest reflections that must agree on the ratio")
    tube_agree: float = _value(2.0, "", "largest factor between the ratios of two lines")
    tube_stands_out: float = _value(3.0, "σ", "least height of a line at an expected position, model error included")
    tube_near: float = _value(0.12, "°", "largest distance of an expected tube line from the peak")

    # --- humps (identification.humps)
    hump_reported: float = _share(
        0.1, "least share of the diffracted intensity for a note", "12 weighed mixtures without glass have at most 0.06"
    )
    hump_narrowest: float = _value(4.0, "°", "least FWHM of a hump; silica glass has 8 to 10° for Cu Kα")
    hump_broadest: float = _value(20.0, "°", "largest FWHM of a hump; glass holders have 10 to 15°")
    hump_uncovered: float = _share(
        0.25,
        "largest median height of the peaks on a hump over its own height",
        "20 humps in 112 measured scans have at most 0.11, crowded lines 0.6",
    )

    # --- solid solutions (identification.solid_solution)
    radii_fully: float = _share(
        0.15,
        "largest relative difference of two ionic radii for replacement in any proportion",
        "Goldschmidt 1926, Naturwissenschaften 14, 477",
    )
    radii_partly: float = _share(0.4, "the same for replacement in part; Mg in calcite has 0.39")
    most_partly: float = _share(
        0.3, "largest mol fraction of replacement in part; biogenic calcite has up to 0.3 of Mg"
    )
    composition_error: float = _share(0.15, "largest error of a mol fraction that is stated, half of the 95% interval")
    lattice_scatter: float = _value(
        0.0015,
        "Δd/d",
        "scatter of the lattices of specimens of one composition: temperature, minor elements",
        "measured phases: half are within 0.12% of the library's lattice (benchmarks/results/confidence.md)",
    )

    # --- notes on the specimen (identification.specimen_notices)
    strong_texture: float = _value(
        1.15,
        "",
        "texture index of strong preferred orientation: intensities vary by 40%, as for March-Dollase r = 0.77",
    )
    strong_scatter: float = _share(
        0.35,
        "scatter of a phase's lines that is reported as few crystallites",
        "single minerals with R below 13% have 6% in the median (benchmarks/results/intensities.md)",
    )

    # --- fractions (fit.quantify)
    particle_size: float = _value(3.0, "µm", "assumed grain diameter")
    particle_size_spread: float = _value(
        2.0,
        "",
        "relative standard deviation of the assumed grain diameter",
        "weighed oxides: 42 of 48 fractions inside",
    )
    structure_error: float = _value(
        0.05,
        "",
        "relative error of a scale from an inexact structure",
        "weighed mixtures (benchmarks/results/intensities.md)",
    )
    texture_error: float = _value(0.2, "", "relative error of a scale per square root of (texture index - 1)")
    scattering_spread: float = _value(
        0.7,
        "",
        "standard deviation of ln(intensity per gram)",
        "10-80° of Cu Kα: 0.63 for 74 oxides, 0.72 for 134 minerals, 0.73 for 378",
    )

    def changed(self) -> dict[str, float]:
        """The thresholds that differ from the defaults."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}


DEFAULT = Policy()
"""The package's own."""


def policy_of(source: Policy | str | Path | None) -> Policy:
    """A policy: as given, from a TOML file, or the default.

    Raises:
        BragglensError: the file cannot be read, contains an unknown name, or a value is not possible.
    """
    if source is None or isinstance(source, Policy):
        return source or DEFAULT
    path = Path(source)
    missing = "there is no such file: write one threshold a line, such as sure = 0.95"
    content = read_bytes(path, BragglensError, largest=_LARGEST, what="a policy", missing=missing)
    try:
        given = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BragglensError(
            f"{path}: is not TOML ({error}): write one threshold a line, such as sure = 0.95"
        ) from None
    possible: dict[str, Any] = {name: _possible(path, name, value) for name, value in given.items()}
    return replace(DEFAULT, **possible)


def policy_toml(policy: Policy = DEFAULT) -> str:
    """A policy as TOML with the meaning, unit and origin of each threshold beside it; `policy_of` reads it."""
    rows = ["# Thresholds of bragglens. Keep the lines that you change; all others stay as they are."]
    for one in fields(policy):
        unit, meaning, origin = (one.metadata[key] for key in ("unit", "meaning", "origin"))
        rows += ["", f"# {f'{unit}: ' if unit else ''}{meaning}", f"# origin: {origin}"]
        rows.append(f"{one.name} = {getattr(policy, one.name)!r}")
    return "\n".join(rows) + "\n"


def _possible(path: Path, name: str, value: Any) -> Any:
    """A value from a file if it is possible for the threshold of that name."""
    known = {one.name: one for one in fields(Policy)}
    if name not in known:
        raise BragglensError(f"{path}: '{name}' is not a threshold: `bragglens policy` lists them")
    whole, high = known[name].type == "int", known[name].metadata["high"]
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise BragglensError(f"{path}: {name} = {value!r} is not possible: give {kind} from 0 to {high:g}")
    return value
