"""Presets: common powder diffractometers in their usual configuration, as starting points before a calibration.

The source of each geometry is stated beside it. "Typical" marks a common choice of laboratories that no manufacturer
prescribes. The resolution is that of a well aligned instrument with these slits, from the scan named beside it or a
typical value. It is correct to about a quarter: fit your own with `bragglens calibrate`. `axial` follows from the
opening of the Soller slits (see `soller`).
"""

from __future__ import annotations

import math
from difflib import get_close_matches

from bragglens.errors import RecipeError
from bragglens.simulate.instrument import Instrument, Line, emission

# Weight of Kβ behind the filter. Ni of 0.02 mm transmits 0.45 of Cu Kα and 0.008 of Kβ (45.7 and 275 cm²/g,
# International Tables C, 4.2.4). Cu Kβ has about a fifth of the intensity of Kα1, which gives 0.4 %. Thinner foils are
# also in use, so that 0.5 % is typical. Graphite leaves none.
NICKEL = 0.005
GRAPHITE = 26.6  # degrees 2θ of graphite (002) for Cu Kα: d = 3.354 Å


def soller(opening: float) -> float:
    """Axial divergence (S + H)/L equivalent to two Soller slits, before and behind the specimen.

    `opening` is the full opening of each slit in degrees. A Soller slit transmits a triangular distribution of angles,
    from -opening/2 to +opening/2. The difference of the angles before and behind the specimen then has the variance
    opening²/12. The triangle from -axial to +axial of Finger, Cox & Jephcoat has axial²/6. Hence axial = opening/√2.
    This is an estimate: measure a standard for the actual value.
    """
    return math.radians(opening) / math.sqrt(2)


def _laboratory(
    name: str, radius: float, *, opening: float, divergence: float, monochromator: float = 0.0, width: float, X: float
) -> Instrument:
    """A Bragg-Brentano instrument with a copper tube. `width` (√W) and X are in degrees."""
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
    # Radius 280 mm is the larger usual one of the D8, 217.5 the smaller (Bruker's data sheets; the acceptance protocol
    # DOC-M88-EXX157 is for 150 to 280 mm). Soller 2.5°, slit 0.3°, LynxEye and Ni filter: typical.
    "bruker-d8": _laboratory("Bruker D8 Advance", 280.0, opening=2.5, divergence=0.3, width=0.03, X=0.015),
    # Radius 141 mm: Bruker's data sheet of the D2 Phaser (282 mm measuring circle). Soller 2.5°, slit 0.6 mm: typical.
    "bruker-d2": _laboratory("Bruker D2 Phaser", 141.0, opening=2.5, divergence=0.25, width=0.045, X=0.02),
    # Radius 240 mm and Soller 0.04 rad: xrdml files of Empyreans. Slit 1/2°: typical.
    "panalytical-empyrean": _laboratory(
        "PANalytical Empyrean", 240.0, opening=2.29, divergence=0.5, width=0.035, X=0.02
    ),
    # Radius 240 mm for the X'Pert PRO (MRD types have 320 mm, as their files state). Slits as in the Empyrean: typical.
    "panalytical-xpert": _laboratory("PANalytical X'Pert PRO", 240.0, opening=2.29, divergence=0.5, width=0.04, X=0.02),
    # Radius 145 mm, two Soller slits of 0.04 rad, slit 1° and 0.02 mm Ni: xrdml file of an Aeris (Dara's data set).
    "panalytical-aeris": _laboratory("PANalytical Aeris", 145.0, opening=2.29, divergence=1.0, width=0.05, X=0.02),
    # Radius 150 mm: .ras header of a MiniFlex 300/600. Soller 2.5°, slit 0.625° (both in Rigaku's list): typical.
    "rigaku-miniflex": _laboratory("Rigaku MiniFlex", 150.0, opening=2.5, divergence=0.625, width=0.05, X=0.025),
    # Radius 300 mm: .ras header of a SmartLab, which also states Soller 2.5° on both sides. Slit 1/2°: typical.
    "rigaku-smartlab": _laboratory("Rigaku SmartLab", 300.0, opening=2.5, divergence=0.5, width=0.035, X=0.015),
    # Radius 200.5 mm: headers of D5000 files (217.5 mm with some attachments). Slit 1° and graphite: typical.
    "siemens-d5000": _laboratory(
        "Siemens D5000", 200.5, opening=2.3, divergence=1.0, monochromator=GRAPHITE, width=0.05, X=0.02
    ),
    # Radius 173 mm, slits 1°, 0.2-0.3 mm, 1°, curved graphite: the PW1050 as described for the IUCr round robin (Madsen
    # et al. 2001, J. Appl. Cryst. 34, 409, for its successor of the same radius) and in many papers. Soller: typical.
    "philips-pw1050": _laboratory(
        "Philips PW1050", 173.0, opening=4.0, divergence=1.0, monochromator=GRAPHITE, width=0.07, X=0.02
    ),
    # NIST's divergent-beam diffractometer, from NIST's CIF of SRM 660c (data set mds2-2315): radius 217.5 mm, slit
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
    """The instrument of this name. Case and blanks do not matter, as in `preset("Bruker D8")`.

    Raises:
        RecipeError: there is no preset of this name.
    """
    key = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if key in PRESETS:
        return PRESETS[key]
    close = get_close_matches(key, PRESETS, n=1)
    hint = f"is '{close[0]}' meant? There are" if close else "choose one of"
    raise RecipeError(f"instrument '{name}' is not known: {hint} {', '.join(PRESETS)}")
