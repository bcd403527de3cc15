"""Structure type: space group and Wyckoff multiplicities, the same for all isostructural compounds."""

from __future__ import annotations

import gemmi

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import multiplicities

# Space groups that are mirror images of each other (International Tables A, 1.4.1): powder patterns do not separate
# them.
_ENANTIOMORPHS = {
    78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180, 213: 212
}  # fmt: skip


def structure_type(phase: Phase) -> str:
    """The type of a structure, such as `136: 2 4` for rutile.

    Returns:
        Number of the space group, and the multiplicity of each occupied position in a primitive cell, ascending. Atoms
        on one position are one position. Hydrogen is left out, as many structures lack it. Compounds of one type can
        still differ in their coordinates; the fitted pattern decides that.
    """
    group = gemmi.GroupOps([gemmi.Op(xyz) for xyz in phase.operations])
    found = gemmi.find_spacegroup_by_ops(group) or gemmi.find_spacegroup_by_name(phase.space_group)
    number = found.number if found is not None else 0
    centring = max(1, len(group.cen_ops))
    positions = {}
    for site, count in zip(phase.sites, multiplicities(phase), strict=True):
        if site.element != "H":
            positions[tuple(round(x % 1.0, 3) for x in site.position)] = count // centring
    counts = " ".join(str(count) for count in sorted(positions.values()))
    return f"{_ENANTIOMORPHS.get(number, number)}: {counts}"
