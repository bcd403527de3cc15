"""Specimen notices: sentences about preferred orientation and few crystallites, which change intensities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bragglens.identification.answer import Finding
from bragglens.policy import Policy


def specimen_notices(findings: Sequence[Finding], policy: Policy) -> Iterator[str]:
    """A sentence for the phases with strong preferred orientation, and one for those in few crystallites."""
    textured = [
        f"{one.name} (texture index {one.texture:.1f})"
        for one in findings
        if _above(one.texture, policy.strong_texture)
    ]
    spotty = [f"{one.name} ({one.scatter:.0%})" for one in findings if _above(one.scatter, policy.strong_scatter)]
    if textured:
        yield (
            f"strong preferred orientation: {', '.join(textured)}; its weight fraction is doubtful: measure a "
            "side-loaded, spray-dried or rotated specimen to know it"
        )
    if spotty:
        yield (
            "single lines are far stronger or weaker than the structure gives, at the right angles: "
            f"{', '.join(spotty)}; few large crystallites, or another structure: grind the specimen finer or rotate it"
        )


def _above(value: float | None, least: float) -> bool:
    return value is not None and value >= least
