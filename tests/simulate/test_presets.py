"""Presets, instrument files, and instruments from the header of a scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import RecipeError
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of, starting_instrument
from bragglens.simulate.instrument import Instrument, Line, emission
from bragglens.simulate.instrument_file import instrument_toml, read_instrument, write_instrument
from bragglens.simulate.presets import PRESETS, preset
from bragglens.simulate.reference import widths
from bragglens.simulate.specimen import Specimen


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_possible_instruments(name: str) -> None:
    instrument = preset(name)
    assert instrument.name
    assert 100 <= instrument.radius <= 1000
    assert 0 < instrument.axial < 0.12
    fwhm, _ = widths(np.linspace(5, 120, 50), instrument.lines[0].wavelength, instrument, Specimen(size=1e9))
    assert (fwhm > 0.002).all()
    assert (fwhm < 0.25).all()
    # graphite removes Kβ completely, a filter does not
    assert bool(instrument.monochromator) <= (len(instrument.lines) == 2)


def test_presets_by_any_spelling() -> None:
    assert preset("Bruker D8") == preset("bruker_d8") == PRESETS["bruker-d8"]


@pytest.mark.parametrize(("name", "says"), [("bruker-d9", "is 'bruker-d8' meant"), ("", "choose one of bruker-d8, ")])
def test_unknown_presets_are_refused(name: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as refused:
        preset(name)
    assert "philips-pw1050" in str(refused.value)


@pytest.mark.parametrize("name", PRESETS)
def test_files_give_the_same_instrument_again(name: str, tmp_path: Path) -> None:
    instrument = replace(PRESETS[name], zero=-1 / 3, automatic_slit=True, name='"quoted" α\n')
    write_instrument(instrument, tmp_path / "i.toml")
    assert read_instrument(tmp_path / "i.toml") == instrument


def test_files_may_be_short(tmp_path: Path) -> None:
    path = tmp_path / "i.toml"
    path.write_text('lines = "CoKa"\nradius = 200\n')
    assert read_instrument(path) == Instrument(emission("CoKa"), radius=200.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no emission lines"),
        ("lines = 3", "lines cannot be used"),
        ("lines = []", "lines cannot be used"),
        ("lines = [[1.54, 1.0], [1.54]]", "lines cannot be used"),
        ('lines = [["a", 1.0]]', "lines cannot be used"),
        ("lines = [[-1.54, 1.0]]", "lines cannot be used"),
        ('lines = "XxKa"', "wavelength 'XxKa' is not known"),
        ('lines = "CuKa"\nradios = 3', "no field 'radios': use radius"),
        ('lines = "CuKa"\nradius = "3"', "radius cannot be '3': give a number"),
        ('lines = "CuKa"\nradius = 0', "radius cannot be 0"),
        ('lines = "CuKa"\nradius = nan', "radius cannot be nan"),
        ('lines = "CuKa"\nX = -1', "X cannot be -1"),
        ('lines = "CuKa"\npolarised = 1', "polarised cannot be 1"),
        ('lines = "CuKa"\nautomatic_slit = 1', "give true or false"),
        ('lines = "CuKa"\nname = 1', "give a text"),
        ("lines = ", "is not TOML"),
        ("x = " + "[" * 5000, "is not TOML"),
    ],
)
def test_wrong_files_are_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "i.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=says) as refused:
        read_instrument(path)
    assert str(path) in str(refused.value)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no such file"):
        read_instrument(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="is a folder, a device or a pipe"):
        read_instrument(tmp_path)
    (tmp_path / "b.toml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(RecipeError, match="is not a text file"):
        read_instrument(tmp_path / "b.toml")


def scan(wavelength: float | None = None, **metadata: str) -> Scan:
    angle = np.linspace(10, 80, 200)
    return Scan("a.xrdml", angle, np.sin(angle) + 2, wavelength, metadata=metadata)


def test_values_in_the_header_are_used_and_named() -> None:
    found = instrument_of(
        scan(1.540598, radius_mm="240.00", divergence_slit_deg="0.5", soller_rad="0.0400", anode="Cu", filter="Ni")
    )
    assert (found.radius, found.divergence, found.automatic_slit) == (240.0, 0.5, False)
    assert found.axial == pytest.approx(0.04 / np.sqrt(2))
    assert [round(line.wavelength, 4) for line in found.lines] == [1.5406, 1.5444, 1.3922]
    assert "wavelength, radius, divergence slit, Soller slit as stated, the rest defaults" in found.name


def test_an_automatic_slit() -> None:
    found = instrument_of(scan(1.540598, automatic_slit_mm="15"))
    assert found.automatic_slit
    assert found.specimen_length == 15


def test_other_values_come_from_the_start() -> None:
    start = preset("panalytical-aeris")
    found = instrument_of(scan(radius_mm="200"), start=start)
    assert found.radius == 200
    assert (found.W, found.lines) == (start.W, start.lines)
    assert "the rest PANalytical Aeris" in found.name


@pytest.mark.parametrize(
    "metadata",
    [{"monochromator": "incident: Hybrid monochr. 2xGe(220)"}, {"wavelength_2_weight": "0.0000"}],
)
def test_a_monochromator_leaves_one_line(metadata: dict[str, str]) -> None:
    assert len(instrument_of(scan(1.540598, **metadata)).lines) == 1


def test_a_wavelength_of_no_tube_is_kept() -> None:
    assert instrument_of(scan(0.4131)).lines == (Line(0.4131, 1.0),)


def test_impossible_values_in_a_header_are_ignored() -> None:
    found = instrument_of(
        scan(1.540598, radius_mm="0", divergence_slit_deg="wide", soller_rad="4", automatic_slit_mm="")
    )
    assert found == replace(Instrument(emission("CuKa")), name="a.xrdml: wavelength as stated, the rest defaults")


def test_no_wavelength_anywhere_is_refused() -> None:
    with pytest.raises(RecipeError, match="does not state its wavelength"):
        instrument_of(scan())


def test_values_of_the_user_take_precedence(tmp_path: Path) -> None:
    assert starting_instrument(scan(1.540598), wavelength="CoKa").lines == emission("CoKa")
    assert starting_instrument(scan(), instrument="bruker-d2").radius == 141
    path = tmp_path / "i.toml"
    path.write_text(instrument_toml(preset("rigaku-smartlab")))
    both = starting_instrument(scan(1.540598), instrument=str(path), wavelength="CoKa1")
    assert both.radius == 300
    assert both.lines == emission("CoKa1")
