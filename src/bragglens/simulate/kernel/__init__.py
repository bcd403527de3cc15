"""The compiled forward model: `reference.pattern` for many samples, with background and counting noise.

The kernel works on plain arrays, without the names and units of the user interface: `render` packs phases and
conditions into arrays and calls `render_batch`. The formulas and their sources are in `formulas`, and the tests compare
the kernel with them. The steps from a structure to counts:

    sticks (scattering, texture) -> line_table (optics, profiles) -> axial -> axes -> background -> noise

`rendering` calls them in this order. numba compiles the kernel once for a machine and stores the result, see
`compiled`.
"""

from bragglens.simulate.kernel.rendering import render_batch
from bragglens.simulate.kernel.tables import Conditions, PackedPhases

__all__ = ["Conditions", "PackedPhases", "render_batch"]
