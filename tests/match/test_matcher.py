"""The matcher of the package, on structures and scans that were not in its training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.crystal.cif_text import write_cif
from bragglens.crystal.library import Library
from bragglens.crystal.library import read_library as read
from bragglens.identification.identify import identify
from bragglens.match.catalogue import Catalogue, catalogue, read_catalogue
from bragglens.match.matcher import matcher
from bragglens.match.reference_lines import GRID
from bragglens.scan.pattern import Pattern
from bragglens.scan.scan import Scan
from bragglens.simulate.build import build_library
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

ALL = np.ones(GRID.size, dtype=bool)


@pytest.fixture(scope="module")
def many(titania: Library) -> Catalogue:
    """Titania and random structures, more phases than are fitted without a shortlist."""
    return catalogue(Library((*titania.phases, *(random_structure(1000 + i) for i in range(160)))))


def _pattern(library: Library, shares: dict[str, float], *, counts: float = 5000.0) -> np.ndarray:
    chosen = [library.phases[library.names.index(name)] for name in shares]
    instrument = Instrument(emission("CuKa"), W=0.01)
    crystals = reflections_in_range(chosen, instrument.lines, GRID)
    drawn = render_phases(crystals, instrument, [Specimen()] * len(chosen), GRID)
    clean = np.array(list(shares.values())) @ drawn
    return np.random.default_rng(4).poisson(counts * clean / clean.max() + 50).astype(float)


def _scan(intensity: np.ndarray) -> Scan:
    return Scan("made", GRID.two_theta, intensity, wavelength=emission("CuKa")[0].wavelength)


@pytest.mark.parametrize("name", ["anatase", "rutile", "brookite", "tio2_B", "tio2_II"])
def test_one_phase_is_the_first_of_many(many: Catalogue, name: str) -> None:
    opinion = matcher().opinion(Pattern(GRID, _pattern(many.library, {name: 1.0}), ALL), many.reference_lines)
    assert many.library.names[int(np.argmax(opinion.probability))] == name
    assert opinion.share[many.library.names.index(name)] > 0.5


def test_what_is_left_of_a_mixture_is_the_other_phase(many: Catalogue) -> None:
    whole = _pattern(many.library, {"anatase": 1.0, "rutile": 0.1})
    explained = 4500.0 / 5000 * _pattern(many.library, {"anatase": 1.0}) - 45
    opinion = matcher().opinion(Pattern(GRID, whole, ALL), many.reference_lines, explained)
    assert many.library.names[int(np.argmax(opinion.probability))] == "rutile"


def test_probabilities_do_not_depend_on_the_other_phases(many: Catalogue) -> None:
    pattern = Pattern(GRID, _pattern(many.library, {"brookite": 1.0}), ALL)
    alone = many.of(range(5))
    few, all_of_them = (matcher().opinion(pattern, one.reference_lines).probability[:5] for one in (alone, many))
    assert few == pytest.approx(all_of_them, abs=1e-5)


def test_a_mixture_is_identified_among_many_phases(many: Catalogue) -> None:
    answer = identify(_scan(_pattern(many.library, {"anatase": 1.0, "rutile": 0.5})), many)
    assert {finding.name for finding in answer.phases} == {"anatase", "rutile"}
    assert answer.verdict == "mixture"
    assert answer.probabilities is not None
    assert len(answer.probabilities) < len(many)
    assert answer.model == f"{len(many)} structures"


def test_a_phase_outside_the_library_is_unknown(many: Catalogue) -> None:
    foreign = Library((random_structure(1),))
    answer = identify(_scan(_pattern(foreign, {foreign.names[0]: 1.0})), many)
    assert answer.verdict in ("unknown", "partly unknown")


def test_a_scan_without_peaks_is_unknown(many: Catalogue) -> None:
    noise = np.random.default_rng(2).poisson(np.full(GRID.size, 200.0)).astype(float)
    assert identify(_scan(noise), many).verdict == "unknown"


def test_a_library_file_gives_the_answer_of_its_folder(titania: Library, tmp_path: Path) -> None:
    folder = tmp_path / "cifs"
    folder.mkdir()
    for phase in titania:
        write_cif(phase, folder / f"{phase.name}.cif")
    build_library(folder, tmp_path / "titania.library")
    scan = _scan(_pattern(titania, {"rutile": 1.0}))
    answers = [identify(scan, library) for library in (read(folder), read_catalogue(tmp_path / "titania.library"))]
    one, other = (replace(answer, seconds=None).to_dict() for answer in answers)
    assert one == other
