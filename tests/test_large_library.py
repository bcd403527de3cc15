"""benchmarks/large_library.py at a small size: structures are read, built, and identified by their names."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bragglens.crystal.reflections import composition
from bragglens.simulate.build import build_library

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "large_library.py"
COUNT = 100


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("large_library", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["large_library"] = module  # where its dataclasses look up their names
    spec.loader.exec_module(module)
    return module


def test_structures_are_changed_and_stay_structures(script: ModuleType, tmp_path: Path) -> None:
    base = script.base_of(COUNT)
    assert len(base) == COUNT // 2
    script.write_structures(base, COUNT, tmp_path / "cod")
    assert (tmp_path / "cod/cif/1/00/00/1000099.cif").exists()
    built = build_library(tmp_path / "cod", tmp_path / "large.library")
    assert built.library.problems == ()
    assert len(built.library) + len(built.same) == COUNT
    by_name = {phase.name: phase for phase in built.library}
    for place in range(len(base)):
        own, changed = base[place], by_name.get(str(script.FIRST + len(base) + place))
        if changed is not None:
            assert composition(changed).keys() != composition(own).keys() or len(composition(own)) == 1
            assert changed.cell != own.cell
            assert np.allclose(changed.cell[:3], own.cell[:3], rtol=3 * script.STRAIN)


def test_names_by_number(script: ModuleType) -> None:
    base = script.base_of(COUNT)
    assert script.called("1000003", base) == base[3].name
    assert script.called("1000053", base) == f"{base[3].name}, changed"


def test_what_a_command_costs(script: ModuleType) -> None:
    step = script.run([sys.executable, "-c", "print('a' * 3); sum(range(10**6)); x = bytes(10**8)"])
    assert step.printed == "aaa\n"
    assert step.cpu > 0.01
    assert step.memory > 100
