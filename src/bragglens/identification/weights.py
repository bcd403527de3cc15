"""Weights: a note about phases without a weight fraction."""

from __future__ import annotations

from bragglens.identification.verify import Verified


def weight_notice(proof: Verified) -> list[str]:
    """A sentence that names the fitted phases without a weight fraction, if there are any."""
    without = [one.name for one in proof.fit.candidates if not one.in_grams]
    if not without:
        return []
    left = "the fractions are of the other phases alone, with errors as for unexplained intensity"
    rest = "its mass is part of the amorphous content"
    return [
        f"no weight fraction of {', '.join(without)}: neither a structure nor a reference intensity ratio relates its "
        f"intensity to its mass; {left if proof.quantities.amorphous_percent is None else rest}"
    ]
