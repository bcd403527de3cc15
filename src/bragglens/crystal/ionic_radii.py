"""Ionic radii: which element may replace which in a crystal."""

from __future__ import annotations

# Effective ionic radii in Å of six-coordinated ions, high spin where there is a choice (Shannon 1976, Acta Cryst. A 32,
# 751, table 1).
_RADII = {
    charge: {symbol: float(radius) for symbol, radius in (ion.split(":") for ion in ions.split())}
    for charge, ions in {
        -2: "O:1.40 S:1.84 Se:1.98 Te:2.21",
        -1: "F:1.33 Cl:1.81 Br:1.96 I:2.20",
        1: "Li:0.76 Cu:0.77 Na:1.02 Ag:1.15 K:1.38 Tl:1.50 Rb:1.52 Cs:1.67",
        2: "Be:0.45 Ni:0.69 Mg:0.72 Cu:0.73 Zn:0.74 Co:0.745 Fe:0.78 V:0.79 Mn:0.83 Cd:0.95 Ca:1.00 Hg:1.02 Eu:1.17 "
        "Sr:1.18 Pb:1.19 Ba:1.35",
        3: "B:0.27 Al:0.535 As:0.58 Cr:0.615 Ga:0.62 V:0.64 Fe:0.645 Mn:0.645 Ti:0.67 Sc:0.745 Sb:0.76 In:0.80 "
        "Lu:0.861 Yb:0.868 Tm:0.88 Er:0.89 Y:0.90 Ho:0.901 Dy:0.912 Tb:0.923 Gd:0.938 Eu:0.947 Sm:0.958 Nd:0.983 "
        "Pr:0.99 Ce:1.01 Bi:1.03 La:1.032",
        4: "Si:0.40 Ge:0.53 Mn:0.53 V:0.58 Ti:0.605 Sn:0.69 Hf:0.71 Zr:0.72 Ce:0.87 U:0.89 Th:0.94",
        5: "P:0.38 As:0.46 V:0.54 Sb:0.60 Nb:0.64 Ta:0.64",
        6: "S:0.29 Se:0.42 Cr:0.44 Mo:0.59 W:0.60",
    }.items()
}
ANIONS = frozenset(_RADII[-2]) | frozenset(_RADII[-1])
"""Elements with a negative ion in the table."""


def radius_difference(one: str, other: str) -> float:
    """How unequal the ions of two elements are: the difference of their radii over the smaller one.

    The least of all charges that both can have; infinite where they have none in common.
    """
    pairs = [(radii[one], radii[other]) for radii in _RADII.values() if one in radii and other in radii]
    return min((abs(a - b) / min(a, b) for a, b in pairs), default=float("inf"))
