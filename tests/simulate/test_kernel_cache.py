"""A stored kernel of numba is used again, but not after a change in a file from which it was compiled."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bragglens.simulate import kernel
from bragglens.simulate.kernel.compiled import SOURCES, source_stamp

PART = """
from bragglens.simulate.kernel.compiled import jit, within
@{how}
def part(x):
    return {factor} * x
"""
SIMULATE = """
from hashlib import sha256
from importlib.resources import files
import bragglens
from bragglens.simulate.recipe import CLEAN
from bragglens.simulate.stored import simulate_set
library = bragglens.read_library(files("bragglens") / "data" / "titania")
patterns, _ = simulate_set(library, CLEAN, bragglens.Grid(10.0, 80.0, 0.1), per_phase=9)
print(sha256(patterns.tobytes()).hexdigest())
"""
WHOLE = """
from bragglens.simulate.kernel.compiled import kernel
def kernels(stamp):
    @kernel
    def whole(x):
        _ = stamp
        return part(x)
    return whole
"""


def test_the_kernel_holds_the_stamp() -> None:
    assert [cell.cell_contents for cell in kernel.render_batch.py_func.__closure__] == [source_stamp()]


def test_the_stamp_covers_all_files_that_the_kernel_is_compiled_from() -> None:
    """Each file of the package that the kernel imports is covered, or does not affect compiled code."""
    stamped = {path.resolve().with_suffix("") for path in SOURCES}
    package = Path(kernel.__file__).parents[2]
    for path in Path(kernel.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bragglens."):
                where = package.joinpath(*(node.module or "").split(".")[1:])
                named = [where / name.name for name in node.names] if where.is_dir() else [where]
                assert {one.resolve() for one in named} <= stamped, f"{path.name} imports {node.module}"


def test_a_change_of_one_letter_in_another_file_makes_a_new_kernel(tmp_path: Path) -> None:
    """The file keeps its size and its time, as may happen with two releases."""
    for how in ("jit", "within"):
        folder = tmp_path / how
        folder.mkdir()
        (folder / "whole.py").write_text(WHOLE)
        found = [answered(folder, how, factor) for factor in (3, 3, 7)]
        assert found == [(30, 0), (30, 1), (70, 0)]  # the second is from the cache, the third is not


def test_a_compiling_first_call_logs_a_message_and_gives_the_same_pattern(
    tmp_path: Path, kernel_lock: AbstractContextManager[object]
) -> None:
    """Without a cache the first pattern takes seconds. With a cache nothing is logged, and every bit is the same."""
    with kernel_lock:
        first = simulated(tmp_path)
        keep(tmp_path)
    second = simulated(tmp_path)
    assert "compiling the simulator for this machine, once" in first.stderr
    assert second.stderr == ""
    assert second.stdout == first.stdout


def simulated(cache: Path) -> subprocess.CompletedProcess[str]:
    """A process that prints the checksum of a few patterns, with this folder as the cache."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run([sys.executable, "-c", SIMULATE], env=environment, capture_output=True, text=True, check=True)


def keep(cache: Path) -> None:
    """Put what was compiled where all tests find it, unless they have it: in a fresh clone nobody compiles it again."""
    own = Path(kernel.render_batch.stats.cache_path)
    if not list(own.glob("*render_batch*.nbi")):
        own.mkdir(parents=True, exist_ok=True)
        for made in sorted(cache.rglob("*render_batch*")):  # .nbc, then the .nbi that names it
            shutil.copy(made, own / f"{made.name}.new")
            (own / f"{made.name}.new").replace(own / made.name)


def answered(folder: Path, how: str, factor: int) -> tuple[int, int]:
    """The value of `whole(10)` after reading both files again, and the number of compiled functions from the cache."""
    source = folder / "part.py"
    source.write_text(PART.format(how=how, factor=factor))
    os.utime(source, (1e9, 1e9))
    whole = read(folder / "whole.py", part=read(source)["part"])["kernels"](source_stamp((source,)))
    return whole(10), sum(whole.stats.cache_hits.values())


def read(path: Path, **names: Any) -> dict[str, Any]:
    """The definitions of a file. Python's own cache, which checks time and size, is not used."""
    names["__name__"] = path.stem
    exec(compile(path.read_text(), path, "exec"), names)
    return names
