"""The compiled forward model: `reference.pattern` for many samples, with background and counting noise.

Nothing here knows names or units of a user: `render` packs nouns into arrays and calls `render_batch`. Formulas and
their sources stand in `formulas`; the tests hold the kernel to them. From a structure to counts:

    sticks (scattering, texture) -> line_table (optics, profiles) -> axial -> axes -> background -> noise

`rendering` calls them in this order. numba compiles it once for a machine and keeps the result; see `compiled`.
"""

from bragglens.simulate.kernel.rendering import render_batch
from bragglens.simulate.kernel.tables import Conditions, PackedPhases

__all__ = ["Conditions", "PackedPhases", "render_batch"]
