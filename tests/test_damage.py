"""A tenth of benchmarks/attack.py: harmful files give an answer or an error of one sentence, quickly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attack_inputs import cifs, model_and_library_files, scans
from attack_judged import Outcome, judge_scan, judged

from bragglens.errors import BragglensError

ATTACK = Path(__file__).parents[1] / "benchmarks" / "attack.py"


def test_a_tenth_of_the_attack(tmp_path: Path) -> None:
    """In a process of its own, which forks: the test process may have threads."""
    parts = ["scans", "cifs", "files", "crafted"]
    command = [sys.executable, str(ATTACK), *parts, "--share", "0.1", "--here", str(tmp_path / "counts.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert [count["faults"] for count in counts] == [[]] * len(counts)
    tried = {count["files"]: count["tried"] for count in counts}
    assert list(tried.values())[:4] == [300, 20, 70, 40]
    assert all(count["tried"] == count["answered"] + count["refused"] for count in counts)


@pytest.mark.parametrize("draw", [scans, cifs])
def test_the_same_files_for_a_seed(draw) -> None:  # type: ignore[no-untyped-def]
    assert list(draw(3, 40)) == list(draw(3, 40))
    assert list(draw(3, 40)) != list(draw(4, 40))


def test_the_same_models_and_libraries_for_a_seed(tmp_path: Path) -> None:
    first, again = (list(model_and_library_files(3, 10, tmp_path)) for _ in range(2))
    assert first == again


def hurt(name: str, data: bytes) -> None:
    if name == "crash":
        os._exit(11)
    if name == "slow":
        begun = time.process_time()
        while time.process_time() < begun + 0.3:
            pass
    if name == "large":
        bytearray(200 * 2**20)
    if name == "mistake":
        raise KeyError(name)
    if name.startswith("said"):
        raise BragglensError({"said": "said: is no scan: export it again", "said of none": "no"}.get(name, f"{name}\n"))


def test_faults_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attack_judged.SLOW", 0.2)
    monkeypatch.setattr("attack_judged.LARGE", 100)
    names = ["good", "crash", "slow", "large", "mistake", "said", "said of none", "said in lines"]
    found = list(judged([(name, b"") for name in names], hurt))
    assert [one.name for one in found] == names
    assert [one.kind for one in found] == [
        *("answered", "traceback", "answered", "answered", "traceback", "refused", "traceback", "traceback")
    ]
    assert [one.name for one in found if one.fault] == [name for name in names if name not in ("good", "said")]
    assert isinstance(found[0], Outcome)


def test_an_impossible_scan_is_a_fault() -> None:
    with pytest.raises(BragglensError):
        judge_scan("a.xy", b"no scan")
