"""bragglens calibrate as a user types it, from a scan of a standard to an instrument file that is read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import run

from bragglens.crystal.standards import standard
from bragglens.fit.calibrate import COARSE, fwhm
from bragglens.scan.pattern import Grid
from bragglens.simulate import reference
from bragglens.simulate.instrument_file import read_instrument
from bragglens.simulate.presets import preset
from bragglens.simulate.render import reflections_in_range


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lab6.xy: LaB6 on a D2 Phaser with a zero shift of 0.03°, from the reference formulas."""
    folder = tmp_path_factory.mktemp("calibrate")
    truth, grid = replace(preset("bruker-d2"), zero=0.03), Grid(15.0, 120.0, 0.02)
    (crystal,) = reflections_in_range([standard("LaB6")], truth.lines, grid)
    clean = reference.pattern(crystal, truth, COARSE, grid)
    counts = np.random.default_rng(0).poisson(2e4 * clean / clean.max() + 150)
    np.savetxt(folder / "lab6.xy", np.column_stack([grid.two_theta, counts]), fmt="%.4f")
    return folder


def test_from_scan_to_instrument(folder: Path) -> None:
    words = ("--standard", "LaB6", "--instrument", "bruker-d2", "-o", "mine.toml", "--figure", "fit.png")
    done = run("calibrate", "lab6.xy", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    for text in ("Rwp 0.0", "zero +0.0", "FWHM 0.", "° at 60°", "of their certified places", "mine.toml", "fit.png"):
        assert text in done.stdout
    assert (folder / "fit.png").stat().st_size > 10_000
    found = read_instrument(folder / "mine.toml")
    assert found.zero == pytest.approx(0.03, abs=0.02)
    angles = np.array([30.0, 60.0, 90.0])
    np.testing.assert_allclose(fwhm(found, angles), fwhm(preset("bruker-d2"), angles), rtol=0.03)
    again = run("calibrate", "lab6.xy", "--instrument", "mine.toml", "-o", "again.toml", cwd=folder)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lab6.xy", "-o", "o.toml"), "does not state its wavelength"),
        (("lab6.xy", "-o", "o.toml", "--instrument", "bruker"), "instrument 'bruker' is not known"),
        (("lab6.xy", "-o", "o.toml", "--instrument", "none.toml"), "there is no such file"),
        (("lab6.xy", "-o", "o.toml", "--wavelength", "CuKa", "--standard", "gold"), "standard 'gold' is not known"),
        (
            ("lab6.xy", "-o", "o.toml", "--wavelength", "CuKa", "--standard", "Si"),
            "lab6.xy: does not look like Si_640f",
        ),
        (("lab6.xy", "-o", "o.toml", "--wavelength", "AgKa"), "does not look like LaB6_660c"),
        (("none.xy", "-o", "o.toml"), "there is no such file"),
    ],
)
def test_wrong_input_gets_one_sentence(words: tuple[str, ...], says: str, folder: Path) -> None:
    done = run("calibrate", *words, cwd=folder)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1
    assert not (folder / "o.toml").exists()
