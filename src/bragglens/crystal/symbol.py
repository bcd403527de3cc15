"""The symbol of a space group for names of phases: short, without blanks and slashes."""

from __future__ import annotations

import gemmi

from bragglens.crystal.phase import Phase


def plain_symbol(phase: Phase) -> str:
    """`Pnma`, or `C2c` for C2/c; the stated symbol if the operations are of no known setting."""
    group = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([*map(gemmi.Op, phase.operations)]))
    parts = (group.hm if group else phase.space_group).split()
    if len(parts) == 4 and parts[1] == parts[3] == "1":  # monoclinic, axis b
        parts = [parts[0], parts[2]]
    return "".join(parts).replace("/", "")
