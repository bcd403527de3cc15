"""Specimen notices: sentences about preferred orientation and few crystallites, which change intensities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bragglens.identification.answer import Finding
from bragglens.policy import Policy


def specimen_notices(findings: Sequence[Finding], policy: Policy) -> Iterator[str]:
    """A sentence for the phases with strong preferred orientation, and one for those in few crystallites."""
    textured = [one for one in findings if (one.texture or 1.0) >= policy.strong_texture]
    if textured:
        said = ", ".join(f"{one.name} (texture index {one.texture:.1f})" for one in textured)
        yield (
            f"strong preferred orientation: {said}; its weight fraction is doubtful: measure a side-loaded, "
            "spray-dried or rotated specimen to know it"
        )
    spotty = [one for one in findings if (one.scatter or 0.0) >= policy.strong_scatter]
    if spotty:
        said = ", ".join(f"{one.name} ({one.scatter:.0%})" for one in spotty)
        yield (
            f"single lines are far stronger or weaker than the structure gives, by {said}, at the right angles: few "
            "large crystallites, or another structure; grind the specimen finer or rotate it"
        )
