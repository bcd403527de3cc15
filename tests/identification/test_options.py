"""Options in the forms that users write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bragglens.errors import BragglensError
from bragglens.identification.options import Options, read_options
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.instrument_file import write_instrument


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"wavelength": " CuKa "}, {"wavelength": pytest.approx(1.5405929)}),
        ({"wavelength": 0.7093}, {"wavelength": 0.7093}),
        ({"wavelength_if_missing": "1.54059/1.54443"}, {"wavelength_if_missing": 1.54059}),
        ({"elements": ["Ti", "O"]}, {"elements": "Ti,O"}),
        ({"elements": "TiO2"}, {"elements": "Ti,O"}),
        ({"standard": "Corundum = 20 %"}, {"standard": ("Corundum", 20.0)}),
        ({"standard": ("corundum", 20)}, {"standard": ("corundum", 20.0)}),
        ({"particle_size": "2,5"}, {"particle_size": 2.5}),
        ({"particle_size": 0}, {"particle_size": 0.0}),
        ({"network_only": True}, {"network_only": True}),
        ({"wavelength": " ", "elements": "", "standard": "", "particle_size": "", "network_only": False}, {}),
        ({"wavelength": None, "instrument": None}, {}),
    ],
)
def test_options_are_read_in_user_spelling(written: dict[str, Any], read: dict[str, Any]) -> None:
    assert read_options(**written).given() == read


def test_an_instrument_is_given_by_its_file(tmp_path: Path) -> None:
    instrument = Instrument(emission("CuKa"), W=0.004, name="ours")
    write_instrument(instrument, tmp_path / "ours.toml")
    assert read_options(instrument=tmp_path / "ours.toml").instrument == read_options(instrument=instrument).instrument


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"wavelength": "8048"}, "wavelength '8048' is not known"),
        ({"wavelength": 8048}, "wavelength 8048 Å: is not possible"),
        ({"particle_size": "fine"}, "particle size 'fine' is not a number"),
        ({"particle_size": "nan"}, "particle size of nan µm is not possible"),
        ({"standard": "corundum=much"}, "standard 'corundum=much': give its name and wt%"),
        ({"standard": "corundum=0"}, "standard 'corundum': 0 wt% is not possible"),
        ({"standard": "corundum=nan"}, "standard 'corundum': nan wt% is not possible"),
        ({"standard": "corundum=20", "network_only": True}, "there are no fractions"),
        ({"elements": "Ti,Xx"}, "Xx is no element"),
        ({"instrument": "nowhere.toml"}, "nowhere.toml"),
    ],
)
def test_impossible_values_are_one_sentence(written: dict[str, Any], says: str) -> None:
    with pytest.raises(BragglensError, match=says):
        read_options(**written)


def test_options_are_always_checked() -> None:
    with pytest.raises(BragglensError, match="particle size of -1 µm"):
        Options(particle_size=-1.0)
