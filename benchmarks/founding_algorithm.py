"""The founding package's algorithm, written from a description of it: what `speed.py` compares with.

    python benchmarks/founding_algorithm.py STRAINS.json CIF ...

prints pymatgen's version and the CPU seconds of one pattern. It needs NumPy, SciPy and pymatgen alone, so that another
interpreter can run it with a pymatgen of another year; `speed.py --python` does.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pymatgen.core as pmg
from pymatgen.analysis.diffraction.xrd import XRDCalculator
from scipy.ndimage import convolve1d

START, STOP, STEP = 5.0, 90.0, 0.01  # degrees
POINTS = 8501
WAVELENGTH = 1.54184  # Å, what pymatgen takes for CuKa


@dataclass
class Founding:
    """One crystal whose pattern is a property, computed anew whenever it is looked at.

    Two things are kinder to it than they need be: the random strain keeps the symmetry, so that no line splits, and
    kernels end at 4 standard deviations.
    """

    structure: pmg.Structure
    strains: np.ndarray
    calculator: XRDCalculator
    calls: int = 0

    @property
    def pattern(self):
        self.calls += 1
        return self.calculator.get_pattern(self.structure, two_theta_range=(START, STOP))

    @property
    def angles(self) -> np.ndarray:
        return self.pattern.x

    @property
    def intensities(self) -> np.ndarray:
        return self.pattern.y

    @property
    def hkls(self) -> list[list[dict]]:
        return self.pattern.hkls

    def varied(self, random: np.random.Generator) -> np.ndarray:
        """A pattern with random strain, texture and crystallite size, scaled to a strongest point of 100."""
        unstrained = self.structure
        stretch = np.eye(3) + np.tensordot(random.uniform(-0.01, 0.01, len(self.strains)), self.strains, axes=1)
        self.structure = pmg.Structure(
            pmg.Lattice(unstrained.lattice.matrix @ stretch.T), unstrained.species_and_occu, unstrained.frac_coords
        )
        heights = self.textured(random)
        size = random.uniform(10.0, 100.0)
        signal = sum(self.peak(angle, y, size) for angle, y in zip(self.angles, heights, strict=True))
        self.structure = unstrained
        return 100.0 * signal / signal.max()

    def textured(self, random: np.random.Generator) -> np.ndarray:
        """Heights times the product of raw hkl and a random vector of zeros and ones, brought into 0.4 to 1."""
        direction = random.integers(0, 2, 3)
        products = np.array([abs(np.dot(entry[0]["hkl"][-3:], direction)) for entry in self.hkls], dtype=float)
        strongest = self.intensities.max()
        return self.intensities / strongest * (0.4 + 0.6 * products / max(products.max(), 1.0))

    @staticmethod
    def peak(angle: float, height: float, size: float) -> np.ndarray:
        """One line: zeros over the whole range but for one point, convolved with a Gaussian of Scherrer's width."""
        signal = np.zeros(POINTS)
        signal[min(round((angle - START) / STEP), POINTS - 1)] = height
        fwhm = np.degrees(0.9 * WAVELENGTH / (10 * size * np.cos(np.radians(angle / 2))))
        deviation = fwhm / (2 * np.sqrt(2 * np.log(2))) / STEP
        x = np.arange(-int(4 * deviation + 0.5), int(4 * deviation + 0.5) + 1)
        bell = np.exp(-0.5 * (x / deviation) ** 2)
        return convolve1d(signal, bell / bell.sum(), mode="constant")


def founding_crystals(files: list[str], strains: list[np.ndarray]) -> list[Founding]:
    """Crystals from CIFs and the strains that keep the symmetry of each, shapes (k, 3, 3)."""
    calculator = XRDCalculator(wavelength="CuKa")
    return [Founding(pmg.Structure.from_file(f), s, calculator) for f, s in zip(files, strains, strict=True)]


def main() -> None:
    strains = [np.array(s) for s in json.loads(Path(sys.argv[1]).read_text())]
    crystals, random = founding_crystals(sys.argv[2:], strains), np.random.default_rng(1)
    best = np.full(len(crystals), np.inf)
    for _ in range(5):
        for i, crystal in enumerate(crystals):
            started = time.process_time()
            crystal.varied(random)
            best[i] = min(best[i], time.process_time() - started)
    print(json.dumps({"pymatgen": version("pymatgen"), "cpu": float(best.mean())}))


if __name__ == "__main__":
    main()
