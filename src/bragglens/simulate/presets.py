"""Presets: common powder diffractometers as they usually stand, to start from before a calibration.

Geometry has its source beside it; "typical" marks what laboratories usually choose and no maker prescribes. Resolution
is of a well aligned instrument with these slits, from the scan named beside it or typical, to about a quarter: fit your
own with `bragglens calibrate`. `axial` is made from the opening of the Soller slits (see `soller`).
"""

from __future__ import annotations

import math
from difflib import get_close_matches

from bragglens.errors import RecipeError
from bragglens.simulate.instrument import Instrument, Line, emission

# Weight of Kβ that is left. Ni of 0.02 mm lets 0.45 of Cu Kα and 0.008 of Kβ pass (45.7 and 275 cm²/g, International
# Tables C, 4.2.4), and Cu's Kβ is about a fifth of Kα1: 0.4 %, with thinner foils in use 0.5 % is typical.
# Graphite leaves none.
NICKEL = 0.005
GRAPHITE = 26.6  # degrees 2θ of graphite (002) for Cu Kα: d = 3.354 Å


def soller(opening: float) -> float:
    """Axial divergence (S + H)/L that stands for two Soller slits of this full opening in degrees, one on each side.

    A Soller slit lets a triangle of leanings pass, from -opening/2 to +opening/2. The difference of the leanings before
    and behind the specimen then has the variance opening²/12, and the triangle from -axial to +axial of Finger, Cox &
    Jephcoat axial²/6: axial = opening/√2. An estimate; the standard tells what it is.
    """
    return math.radians(opening) / math.sqrt(2)


def _laboratory(
    name: str, radius: float, *, opening: float, divergence: float, monochromator: float = 0.0, width: float, X: float
) -> Instrument:
    """A Bragg-Brentano instrument with a copper tube; `width` and X as √W and X, both in degrees."""
    return Instrument(
        emission("CuKa", k_beta=0.0 if monochromator else NICKEL),
        radius=radius,
        monochromator=monochromator,
        divergence=divergence,
        axial=soller(opening),
        W=width**2,
        X=X,
        Y=0.025,  # Cu Kα1 is 2.3 eV of 8048 eV wide (Hölzer et al. 1997), 0.033° tanθ; standards fit 0.02 to 0.03
        name=name,
    )


PRESETS: dict[str, Instrument] = {
    # Radius 280 mm is the D8's larger usual one, 217.5 the smaller (Bruker's data sheets; the acceptance protocol
    # DOC-M88-EXX157 is for 150 to 280 mm). Soller 2.5°, slit 0.3°, LynxEye and Ni filter: typical.
    "bruker-d8": _laboratory("Bruker D8 Advance", 280.0, opening=2.5, divergence=0.3, width=0.03, X=0.015),
    # Radius 141 mm: Bruker's data sheet of the D2 Phaser (282 mm measuring circle). Soller 2.5°, slit 0.6 mm: typical.
    "bruker-d2": _laboratory("Bruker D2 Phaser", 141.0, opening=2.5, divergence=0.25, width=0.045, X=0.02),
    # Radius 240 mm and Soller 0.04 rad: the xrdml files that Empyreans write. Slit 1/2°: typical.
    "panalytical-empyrean": _laboratory(
        "PANalytical Empyrean", 240.0, opening=2.29, divergence=0.5, width=0.035, X=0.02
    ),
    # Radius 240 mm for the X'Pert PRO (MRD types have 320 mm, as their files state). Slits as the Empyrean's: typical.
    "panalytical-xpert": _laboratory("PANalytical X'Pert PRO", 240.0, opening=2.29, divergence=0.5, width=0.04, X=0.02),
    # Radius 145 mm, Soller 0.04 rad twice, slit 1° and 0.02 mm Ni: an Aeris' own xrdml (Dara's data set).
    "panalytical-aeris": _laboratory("PANalytical Aeris", 145.0, opening=2.29, divergence=1.0, width=0.05, X=0.02),
    # Radius 150 mm: a MiniFlex 300/600's own .ras header. Soller 2.5°, slit 0.625° (both in Rigaku's list): typical.
    "rigaku-miniflex": _laboratory("Rigaku MiniFlex", 150.0, opening=2.5, divergence=0.625, width=0.05, X=0.025),
    # Radius 300 mm: a SmartLab's own .ras header, which also has Soller 2.5° on both sides. Slit 1/2°: typical.
    "rigaku-smartlab": _laboratory("Rigaku SmartLab", 300.0, opening=2.5, divergence=0.5, width=0.035, X=0.015),
    # Radius 200.5 mm: D5000 files' own headers (217.5 mm with some attachments). Slit 1° and graphite: typical.
    "siemens-d5000": _laboratory(
        "Siemens D5000", 200.5, opening=2.3, divergence=1.0, monochromator=GRAPHITE, width=0.05, X=0.02
    ),
    # Radius 173 mm, slits 1°, 0.2-0.3 mm, 1°, curved graphite: the PW1050 as in the IUCr round robin's and many papers'
    # descriptions (Madsen et al. 2001, J. Appl. Cryst. 34, 409, for its successor of the same radius). Soller: typical.
    "philips-pw1050": _laboratory(
        "Philips PW1050", 173.0, opening=4.0, divergence=1.0, monochromator=GRAPHITE, width=0.07, X=0.02
    ),
    # NIST's divergent-beam diffractometer as its CIF of SRM 660c states it (data set mds2-2315): radius 217.5 mm, slit
    # 1.05°, graphite at 26.6°. Resolution and axial divergence: `bragglens calibrate` on its scan 100a.
    "nist-dbd": Instrument(
        emission("CuKa"),
        radius=217.5,
        monochromator=GRAPHITE,
        divergence=1.05,
        axial=0.063,
        U=0.00006,
        V=0.00012,
        W=0.00113,
        X=0.026,
        Y=0.020,
        name="NIST divergent-beam diffractometer",
    ),
    # A crystal-analyser line with capillary such as 11-BM at the APS (Wang et al. 2008, Rev. Sci. Instrum. 79, 085105:
    # Δd/d about 2e-4, 30 keV); sample to detector 1 m and polarisation 0.95 typical. Displacement has no meaning here.
    "synchrotron-capillary": Instrument(
        (Line(0.4130, 1.0),),
        radius=1000.0,
        polarised=0.95,
        axial=0.002,
        U=0.00012,
        W=0.00002,
        X=0.0015,
        name="synchrotron, capillary and analyser crystals",
    ),
}
"""Instruments by name: maker and model in lower case."""


def preset(name: str) -> Instrument:
    """The instrument of this name, whatever its case and its blanks, as in `preset("Bruker D8")`.

    Raises:
        RecipeError: there is none of this name.
    """
    key = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if key in PRESETS:
        return PRESETS[key]
    close = get_close_matches(key, PRESETS, n=1)
    hint = f"is '{close[0]}' meant? There are" if close else "choose one of"
    raise RecipeError(f"instrument '{name}' is not known: {hint} {', '.join(PRESETS)}")
