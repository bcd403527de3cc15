"""Notes about preferred orientation and few crystallites."""

from __future__ import annotations

from bragglens.identification.answer import Finding
from bragglens.identification.specimen_notices import specimen_notices
from bragglens.policy import DEFAULT


def test_usual_specimens_have_no_note() -> None:
    assert list(specimen_notices([Finding("quartz", 0.99, texture=1.02, scatter=0.1)], DEFAULT)) == []
    assert list(specimen_notices([Finding("quartz", 0.99)], DEFAULT)) == []


def test_texture_and_few_crystallites_are_said() -> None:
    plates = Finding("anhydrite", 0.99, texture=1.4, scatter=0.1)
    coarse = Finding("brookite", 0.99, texture=1.0, scatter=0.8)
    texture, scatter = specimen_notices([plates, coarse], DEFAULT)
    assert texture.startswith("strong preferred orientation: anhydrite (texture index 1.4)")
    assert "brookite (80%)" in scatter
    assert "few large crystallites" in scatter
