"""Real scans, where they are present: the promise is on the phases of titania."""

from __future__ import annotations

from pathlib import Path

import pytest

from bragglens.crystal.library import Library, read_library
from bragglens.identification.evaluate import judge, read_manifest, scores
from bragglens.identification.identify import identify
from bragglens.identification.options import Options
from bragglens.learn.model import Model
from bragglens.scan.read import read_scan


def test_every_measured_scan_can_be_judged(shared: Path, small_model: Model) -> None:
    labels = {label.file: label for label in read_manifest(shared / "dev.csv")}  # most are in several sets
    judged = [judge(label, small_model, options=Options(network_only=True)) for label in labels.values()]
    assert [j.answer.error for j in judged if j.answer.error] == []
    assert len(judged) > 190


def test_titania_is_named(shared: Path, small_model: Model) -> None:
    """Even a model trained in seconds on a coarse axis ranks a phase first that is there."""
    labels = read_manifest(shared / "dev.csv", sets=["single_tio2", "tio2_mixtures"])
    judged = [judge(label, small_model) for label in labels]
    figures = scores(judged)
    assert figures["first_right"] == 1.0
    assert figures["exact_set"] >= 0.9
    assert figures["fraction_error"] < 2.7


def test_strangers_are_not_named(shared: Path, small_model: Model) -> None:
    labels = read_manifest(shared / "dev.csv", sets=["open_tio2"])[::4]
    figures = scores([judge(label, small_model) for label in labels])
    assert figures["rejected"] >= 0.95


def test_hematite_beside_ilmenite_keeps_its_own_lattice(shared: Path) -> None:
    """Their structures are of one kind, and 2% of c apart: hematite alone would stretch to ilmenite's lines."""
    minerals = read_library(shared / "phases" / "minerals")
    library = Library(tuple(phase for phase in minerals if phase.name in ("hematite", "ilmenite")))
    (path,) = shared.rglob("powdR_rockjock__ILMENITE.csv")
    found = {f.name: f for f in identify(read_scan(path), library, wavelength=1.5406).phases}
    for phase in library:
        assert found[phase.name].cell == pytest.approx(phase.cell, rel=5e-3)
