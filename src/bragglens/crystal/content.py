"""The stated content of a CIF, compared with what its sites give.

Formula, number of formula units (Z), density, volume and site multiplicities follow from the sites and are also stated.
A comparison detects a lost column, a wrong space group or atoms listed twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np

from bragglens.crystal.formula import parse_formula

# What is noted, relative: public files round, and give the formula of the whole sample.
RATIO_TOLERANCE = 0.05  # share of the atoms that would have to be of another element
COUNT_TOLERANCE = 0.05  # of formula units in the cell
DENSITY_TOLERANCE = 0.1
VOLUME_TOLERANCE = 0.01
GROSS_DENSITY = (0.6, 1.6)  # found over stated; beyond, the sites are half or twice what is meant
HIGHEST_DENSITY = 25.0  # g/cm³; osmium, the densest, has 22.6


@dataclass(frozen=True)
class Statements:
    """What a file states about the content of its cell; empty or NaN if nothing.

    Attributes:
        formula: as written.
        composition: atoms of each element in the formula.
        units: formula units in the cell, Z.
        density: in g/cm³.
        volume: of the cell in Å³.
        multiplicities: of the sites by their row.
    """

    formula: str
    composition: Mapping[str, float]
    units: float
    density: float
    volume: float
    multiplicities: Mapping[int, float]


@dataclass(frozen=True)
class Comparison:
    """Result of comparing statements and content.

    Attributes:
        agreeing: number of statements on the number of atoms that agree.
        contradictions: sentences on those that disagree, by statement: `formula`, `multiplicity`, `density`.
    """

    agreeing: int
    contradictions: Mapping[str, str]


def statements(block: gemmi.cif.Block) -> Statements:
    """The statements of a block."""
    formula = stated_text(block, "_chemical_formula_sum") or stated_text(block, "_chemical_formula_structural")
    tags = ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity")
    column = next((values for tag in tags if len(values := block.find_values(tag))), ())
    multiplicities = {row: gemmi.cif.as_number(value) for row, value in enumerate(column)}
    return Statements(
        formula=formula,
        composition=parse_formula(formula),
        units=_number(block, "_cell_formula_units_Z"),
        density=_number(block, "_exptl_crystal_density_diffrn"),
        volume=_number(block, "_cell_volume"),
        multiplicities={row: value for row, value in multiplicities.items() if value >= 1},
    )


def stated_text(block: gemmi.cif.Block, tag: str) -> str:
    """A tag's text, '' if absent or unknown."""
    value = block.find_value(tag)
    text = gemmi.cif.as_string(value) if value else ""
    return " ".join(text.split()) if text not in ("?", ".") else ""


def _number(block: gemmi.cif.Block, tag: str) -> float:
    value = gemmi.cif.as_number(block.find_value(tag) or "?")
    return value if 0 < value < 1e9 else np.nan


def gross_density_fault(content: Mapping[str, float], stated: Statements, volume: float) -> str | None:
    """Why this density is impossible, or None."""
    found = density(mass(content), volume)
    low, high = GROSS_DENSITY
    if not np.isnan(stated.density) and not low < found / stated.density < high:
        return f"the density is {found:.2f} g/cm³ where {stated.density:.2f} is stated"
    return f"the density is {found:.0f} g/cm³" if found > HIGHEST_DENSITY else None


def compare(
    content: Mapping[str, float], found: Mapping[int, int], order: int, stated: Statements, volume: float
) -> Comparison:
    """Compare the content of a cell with what is stated.

    Args:
        content: atoms of each element in the cell.
        found: multiplicities of the sites by their row.
        order: number of operations.
        stated: the statements of the file.
        volume: of the cell in Å³.
    """
    verdicts = {
        "formula": _formula_verdict(content, stated),
        "multiplicity": _multiplicity_verdict(found, order, stated.multiplicities),
        "density": _density_verdict(content, stated, volume),
    }
    return Comparison(
        agreeing=sum(verdict == "" for verdict in verdicts.values()),
        contradictions={name: verdict for name, verdict in verdicts.items() if verdict},
    )


def _formula_verdict(content: Mapping[str, float], stated: Statements) -> str | None:
    """'' if formula and Z agree with the content, None if they do not say anything about it.

    Hydrogen is ignored, and so are elements without a site, whose mass is taken from the formula.
    """
    here = {element: n for element, n in content.items() if element != "H"}
    formula = {element: n for element, n in stated.composition.items() if element in here and n > 0}
    if not formula:
        return None
    foreign = [element for element in here if element not in formula]
    atoms, units = sum(here.values()), sum(here[element] for element in formula) / sum(formula.values())
    moved = sum(abs(n - units * formula.get(element, 0.0)) for element, n in here.items()) / 2
    if moved + sum(here[element] for element in foreign) / 2 > RATIO_TOLERANCE * atoms:
        return f"the sites give {formula_of(content)} in the cell, the formula is {stated.formula}"
    if np.isnan(stated.units):
        return None
    if _close(units, stated.units, COUNT_TOLERANCE) or _is_whole_cell(units, stated):
        return ""
    return f"the sites give {units:.4g} formula units of {stated.formula} in the cell, Z is {stated.units:g}"


def _is_whole_cell(units: float, stated: Statements) -> bool:
    """Whether the formula is the whole cell's, and Z that of the reduced formula, as pymatgen writes them."""
    reduced = np.array(list(stated.composition.values())) / stated.units
    whole = np.abs(reduced - np.round(reduced)).max() < 0.01 and np.round(reduced).min() >= 1
    return _close(units, 1.0, COUNT_TOLERANCE) and bool(whole)


def _multiplicity_verdict(found: Mapping[int, int], order: int, stated: Mapping[int, float]) -> str | None:
    """'' if the multiplicities agree: directly, or in the form of SHELXL-97, the order of the site symmetry.

    Files with all multiplicities equal to 1 were written for P 1 and are ignored.
    """
    known = [row for row in found if row in stated]
    if not known or (all(stated[row] == 1 for row in known) and order > 1):
        return None
    if all(stated[row] == found[row] for row in known) or all(stated[row] * found[row] == order for row in known):
        return ""
    wrong = next(row for row in known if stated[row] != found[row])
    return f"the site of row {wrong + 1} stands {found[wrong]} times in the cell, its multiplicity is {stated[wrong]:g}"


def _density_verdict(content: Mapping[str, float], stated: Statements, volume: float) -> str | None:
    if np.isnan(stated.density):
        return None
    found = density(cell_mass(content, stated.composition, []), volume)
    if _close(found, stated.density, DENSITY_TOLERANCE):
        return ""
    return f"the density is {found:.2f} g/cm³ where {stated.density:.2f} is stated"


def volume_note(stated: Statements, volume: float) -> str:
    """'' if the stated volume is that of the cell."""
    if np.isnan(stated.volume) or _close(volume, stated.volume, VOLUME_TOLERANCE):
        return ""
    return f"the cell has {volume:.1f} Å³, {stated.volume:g} is stated: the lengths and angles are used"


def _close(found: float, stated: float, tolerance: float) -> bool:
    return abs(found / stated - 1) <= tolerance


def cell_content(elements: Sequence[str], atoms: Sequence[float]) -> dict[str, float]:
    """Atoms of each element in the cell, of those of each site."""
    content: dict[str, float] = {}
    for element, count in zip(elements, atoms, strict=True):
        content[element] = content.get(element, 0.0) + count
    return content


def mass(content: Mapping[str, float]) -> float:
    """In g/mol."""
    return sum(count * gemmi.Element(element).weight for element, count in content.items())


def density(mass: float, volume: float) -> float:
    """In g/cm³, of a cell's mass in g/mol and its volume in Å³."""
    return mass / volume * 1.66053907


def formula_of(content: Mapping[str, float]) -> str:
    """The content as a formula."""
    return " ".join(f"{element}{count:g}" for element, count in sorted(content.items()))


def cell_mass(content: Mapping[str, float], composition: Mapping[str, float], notes: list[str]) -> float:
    """Mass of the cell; elements of the formula without a site (mostly hydrogen) are added from the formula."""
    found = mass(content)
    common = [element for element in composition if element in content]
    missing = {element: n for element, n in composition.items() if element not in content}
    if not missing or not common:
        return found
    units = float(np.median([content[element] / composition[element] for element in common]))
    added = {element: n * units for element, n in missing.items()}
    if mass(added) > 0.5 * found:  # the formula is of something else
        notes.append(f"no sites for {', '.join(missing)} of the formula: left out")
        return found
    notes.append(f"no sites for {', '.join(missing)}: their mass is taken from the formula")
    return found + mass(added)
