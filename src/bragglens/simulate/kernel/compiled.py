"""How the kernel's functions are compiled, and when what was compiled is out of date.

numba keeps a compiled function on disk. It looks at the file of that function and at the values its closure holds, but
not at the files of the functions it calls. So only the kernel is kept, and its closure holds `source_stamp`: a change
in any of these files makes a new kernel. (A file's time and size would not do. An installed file has the time
of the release's first day, and a constant that changes from 0.90 to 0.94 changes no size.)
"""

from __future__ import annotations

import functools
from hashlib import sha256
from pathlib import Path

from numba import njit

from bragglens.simulate import draws, formulas

_compiled = functools.partial(njit, error_model="numpy", nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"})
# Inlined by force: else a process that compiles calls other copies of functions than one that loads, rounded otherwise.
jit = _compiled(forceinline=True)
# What calls these, once in a kernel: inlined before it is compiled, as each level of calls compiles all below it anew.
within = _compiled(inline="always")
# What Python calls.
kernel = _compiled(cache=True)

SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(draws.__file__), Path(formulas.__file__))


def source_stamp(sources: tuple[Path, ...] = SOURCES) -> int:
    """A number that changes with any of the files that a kernel is compiled from."""
    content = b"".join(path.read_bytes() for path in sources)
    return int(sha256(content).hexdigest()[:15], 16)
