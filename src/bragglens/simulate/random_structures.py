"""Random structures outside every library, from which a network learns "none of these".

Each has one of the common space groups of inorganic crystals, a cell of the matching crystal system, and a few elements
on general and special positions. Their patterns have the statistics of real ones (extinctions, multiplicities, strong
and weak lines) at positions that no phase of the library has.
"""

from __future__ import annotations

import gemmi
import numpy as np

from bragglens.crystal.phase import Phase, Site

# Common space groups of inorganic crystals, chosen from experience and only roughly ordered
_SPACE_GROUPS = (62, 14, 15, 2, 225, 12, 139, 227, 166, 194, 221, 63, 148, 176, 167, 61, 64, 136, 141, 216, 58, 60, 186)
_ELEMENTS = ("O", "O", "O", "S", "F", "Cl", "Na", "Mg", "Al", "Si", "K", "Ca", "Mn", "Fe", "Cu", "Zn", "Sr", "Ba", "Pb")
_VOLUME_PER_ATOM = (11.0, 20.0)  # Å³, dense oxides to loose chlorides


def random_structure(number: int) -> Phase:
    """The random structure of this number, always the same."""
    random = np.random.default_rng([20250501, number])
    while True:
        group = gemmi.find_spacegroup_by_number(int(random.choice(_SPACE_GROUPS)))
        sites = tuple(_site(random, i) for i in range(int(random.integers(2, 7))))
        triplets = tuple(op.triplet() for op in group.operations())
        atoms = sum(_multiplicity(site, triplets) for site in sites)
        if atoms <= 120:
            return _phase(random, number, group, triplets, sites, atoms)


def _site(random: np.random.Generator, index: int) -> Site:
    """An atom. Half of all coordinates are special, as in real structures."""
    special = random.choice([0.0, 0.25, 0.5, 0.75], size=3)
    position = np.where(random.random(3) < 0.5, special, random.random(3))
    element = str(random.choice(_ELEMENTS))
    return Site(f"{element}{index}", element, tuple(position), 1.0, float(random.uniform(0.004, 0.02)))


def _multiplicity(site: Site, triplets: tuple[str, ...]) -> int:
    images = np.array([gemmi.Op(t).apply_to_xyz(list(site.position)) for t in triplets]) % 1.0
    return len(np.unique(np.round(images, 5) % 1.0, axis=0))


def _phase(
    random: np.random.Generator,
    number: int,
    group: gemmi.SpaceGroup,
    triplets: tuple[str, ...],
    sites: tuple[Site, ...],
    atoms: int,
) -> Phase:
    volume = max(atoms * random.uniform(*_VOLUME_PER_ATOM), 40.0)
    mass = sum(_multiplicity(site, triplets) * gemmi.Element(site.element).weight for site in sites)
    return Phase(
        name=f"stranger-{number}",
        formula="",
        space_group=group.hm,
        cell=_cell(random, group.crystal_system_str(), volume),
        operations=triplets,
        sites=sites,
        cell_mass=float(mass),
    )


def _cell(random: np.random.Generator, system: str, volume: float) -> tuple[float, float, float, float, float, float]:
    """A cell of this crystal system and volume, with axes that differ by a factor of about three at most."""
    a, b, c = np.exp(random.normal(0.0, 0.35, 3))
    alpha = beta = gamma = 90.0
    if system in ("tetragonal", "trigonal", "hexagonal"):
        b = a
    if system in ("trigonal", "hexagonal"):
        gamma = 120.0
    if system == "cubic":
        b = c = a
    if system == "monoclinic":
        beta = random.uniform(90, 115)
    if system == "triclinic":
        alpha, beta, gamma = random.uniform(80, 110, 3)
    scale = (volume / gemmi.UnitCell(a, b, c, alpha, beta, gamma).volume) ** (1 / 3)
    return (float(a * scale), float(b * scale), float(c * scale), float(alpha), float(beta), float(gamma))
