"""How the kernel's functions are compiled, and when a stored kernel is out of date.

numba stores a compiled function on disk. It checks the file of that function and the values in its closure, but not the
files of the functions that it calls. Therefore only the kernel is stored, and its closure holds `source_stamp`: a
change in any of these files makes a new kernel. (Time and size of a file are not sufficient. An installed file has the
time of the release's first day, and a constant that changes from 0.90 to 0.94 does not change the size.)
"""

from __future__ import annotations

import functools
from hashlib import sha256
from pathlib import Path

from numba import njit

from bragglens.simulate import draws, formulas

_compiled = functools.partial(njit, error_model="numpy", nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"})
# Forced inlining: otherwise a process that compiles calls other copies of functions than one that loads a stored
# kernel, and they round differently.
jit = _compiled(forceinline=True)
# For functions that call these and occur once in a kernel. They are inlined before compilation, as each level of calls
# would compile all levels below it again.
within = _compiled(inline="always")
# For the function that Python calls.
kernel = _compiled(cache=True)

SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(draws.__file__), Path(formulas.__file__))


def source_stamp(sources: tuple[Path, ...] = SOURCES) -> int:
    """A number that changes with each of the files from which the kernel is compiled."""
    content = b"".join(path.read_bytes() for path in sources)
    return int(sha256(content).hexdigest()[:15], 16)
