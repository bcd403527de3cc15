"""Calibrations as text."""

from __future__ import annotations

import numpy as np

from bragglens.fit.calibrate import Calibration, fwhm

_ANGLES = (20.0, 40.0, 60.0, 90.0, 120.0)  # degrees at which a width is stated


def calibration_words(calibration: Calibration) -> str:
    """The fitted values, the width at a few angles, and the agreement with the certified line positions."""
    i = calibration.instrument
    last = calibration.two_theta[-1] + 20
    shown = np.array([angle for angle in _ANGLES if angle < last])
    rows = [
        f"Rwp {calibration.rwp:.4f} (counting noise alone: {calibration.r_expected:.4f})",
        f"zero {i.zero:+.4f}°  displacement {calibration.displacement:+.4f} mm on {i.radius:g} mm",
        f"U {i.U:.6f}  V {i.V:.6f}  W {i.W:.6f} (degrees²)  X {i.X:.5f}  Y {i.Y:.5f} (degrees)  axial {i.axial:.4f}",
        "FWHM " + "  ".join(f"{w:.4f}° at {a:g}°" for a, w in zip(shown, fwhm(i, shown), strict=True)),
    ]
    if errors := calibration.line_errors.tolist():
        worst = int(np.argmax(np.abs(errors)))
        hkl = " ".join(str(index) for index in calibration.hkl[worst])
        rows.append(
            f"{len(errors)} lines within {np.sqrt(np.mean(np.square(errors))):.4f}° (rms) of their certified places, "
            f"the worst ({hkl}) by {errors[worst]:+.4f}°"
        )
    return "\n".join((*rows, *(f"note: {note}" for note in calibration.notes)))
