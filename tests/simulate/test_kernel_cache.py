"""A stored kernel of numba is used again, but not after a change in a file from which it was compiled."""

from __future__ import annotations

import ast
import os
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
