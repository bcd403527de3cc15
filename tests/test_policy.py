"""The thresholds of an answer: each has a meaning and an origin, and a laboratory may use its own."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from command_line import run
from made_scans import measured

from bragglens import BragglensError, Library, identify
from bragglens.policy import DEFAULT, Policy, policy_of


@pytest.mark.parametrize("one", fields(Policy), ids=lambda one: one.name)
def test_each_threshold_has_meaning_and_origin(one: object) -> None:
    stated = one.metadata  # type: ignore[attr-defined]
    assert stated["meaning"]
    assert stated["origin"]


def test_a_file_changes_only_its_thresholds(tmp_path: Path) -> None:
    path = tmp_path / "strict.toml"
    path.write_text("sure = 0.99  # of ours\nmost_phases = 3\nprior_weight = 2.0\n")
    ours = policy_of(path)
    assert ours == replace(DEFAULT, sure=0.99, most_phases=3, prior_weight=2.0)
    assert ours.changed() == {"sure": 0.99, "most_phases": 3, "prior_weight": 2.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("surest = 0.9", "'surest' is not a threshold"),
        ("sure = 1.5", "sure = 1.5 is not possible: give a number from 0 to 1"),
        ("sure = -0.1", "is not possible"),
        ("sure = true", "is not possible"),
        ("most_phases = 2.5", "give a whole number"),
        ("sure = nan", "is not possible"),
        ("sure =", "is not TOML"),
    ],
)
def test_impossible_thresholds_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(BragglensError, match=said):
        policy_of(path)
    with pytest.raises(BragglensError, match="there is no such file"):
        policy_of(tmp_path / "nowhere.toml")


def test_an_answer_uses_and_records_the_policy(titania: Library) -> None:
    scan = measured({"anatase": 0.6, "rutile": 0.4}, titania)
    usual, strict = identify(scan, titania), identify(scan, titania, policy=replace(DEFAULT, sure=1.0))
    assert (usual.verdict, strict.verdict) == ("mixture", "tentative")
    assert usual.to_dict()["policy"] == {}
    assert strict.to_dict()["policy"] == {"sure": 1.0}
    cautious = identify(scan, titania, policy=replace(DEFAULT, least_evidence=1e9))
    assert cautious.verdict == "unknown"


def test_the_command_prints_a_policy_that_is_read_again(tmp_path: Path) -> None:
    printed = run("policy").stdout
    path = tmp_path / "ours.toml"
    path.write_text(printed.replace("sure = 0.95", "sure = 0.99"))
    assert policy_of(path) == replace(DEFAULT, sure=0.99)
    assert "sure = 0.99" in run("policy", path).stdout
    assert "lists them" in run("identify", "scan.xy", "--policy", _odd(tmp_path)).stderr


def _odd(folder: Path) -> Path:
    (folder / "odd.toml").write_text("surest = 1")
    return folder / "odd.toml"
