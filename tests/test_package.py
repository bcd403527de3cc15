"""Rules that can be checked automatically: layers, lint, types, exports, and no torch where it is not needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bragglens

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SLOW = (
    *("fastapi", "gemmi", "h5py", "llvmlite", "matplotlib", "numba", "numpy", "onnx", "onnxruntime", "pandas"),
    *("pyarrow", "pybaselines", "pydantic", "scipy", "torch"),
)
PHYSICS = ("crystal", "fit", "identification", "learn", "match", "report", "simulate", "web")


@pytest.mark.parametrize(
    "command",
    [["lint-imports"], ["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=lambda command: " ".join(command),
)
def test_tool_passes(command: list[str]) -> None:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_exports() -> None:
    public = {name for name in vars(bragglens) if not name.startswith("_")}
    rooms = {
        "collector",
        "crystal",
        "download",
        "errors",
        "extras",
        "files",
        "fit",
        "identification",
        "inference",
        "installed",
        "late",
        "learn",
        "match",
        "packed",
        "parallel",
        "plain",
        "policy",
        "scan",
        "schema",
        "simulate",
        "report",
        "cli",
        "demo",
        "web",
    }
    assert public - rooms <= set(bragglens.__all__) | {"TYPE_CHECKING"}
    assert all(hasattr(bragglens, name) for name in bragglens.__all__)


def test_late_imports() -> None:
    code = (
        "import os, sys; os.environ.pop('ORT_DISABLE_TELEMETRY', None); import bragglens; "
        "print({'numpy', 'bragglens.scan'} & set(sys.modules), os.environ['ORT_DISABLE_TELEMETRY']); "
        "import bragglens.cli, bragglens.fit.whole_pattern; from bragglens import *; "
        "print(callable(identify), Grid); "
        "print([m for m in ('torch', 'matplotlib', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["set() 1", "True <class 'bragglens.scan.pattern.Grid'>", "[]"]
    with pytest.raises(AttributeError, match="module 'bragglens' has no attribute 'nothing'"):
        bragglens.nothing  # noqa: B018
    assert set(bragglens.__all__) <= set(dir(bragglens))


def test_help_imports_nothing_slow() -> None:
    """Packages that take from 0.03 (gemmi) to several CPU seconds, and our modules that import them."""
    code = (
        "import sys; from bragglens.cli import main; sys.argv = ['bragglens', '--help']\n"
        "try: main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "identify" in done.stdout
    imported = set(done.stderr.split())
    assert not imported & {*SLOW, *(f"bragglens.{package}" for package in PHYSICS)}


def test_an_answer_imports_nothing_that_it_does_not_need() -> None:
    """Packages of which each takes 0.05 to some CPU seconds, and our modules that another process or nobody needs."""
    scan = ROOT / "src/bragglens/data/scans/measured_fluorapatite.xra"
    words = ["bragglens", "identify", str(scan), "--wavelength", "CuKa", "--library", "cement"]
    code = (
        f"import sys; from bragglens.cli import main; sys.argv = {words}\n"
        "try: main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "measured_fluorapatite.xra" in done.stdout
    imported = set(done.stderr.split())
    assert {"numba", "onnxruntime", "scipy.linalg"} <= imported
    packages = {"h5py", "matplotlib", "onnx", "pandas", "pyarrow", "pybaselines", "rietx", "torch", "urllib.request"}
    parts = {f"scipy.{part}" for part in ("ndimage", "optimize", "signal", "sparse", "spatial", "stats")}
    ours = {"bragglens.scan.formats.known", "bragglens.identification.rietveld", "bragglens.report.page"}
    assert not imported & (packages | parts | ours)


def test_one_file_imports_onnxruntime() -> None:
    """ONNX Runtime, whose telemetry that file switches off first."""
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    importing = [path.name for path in sources if re.search(r"^ *(import|from) onnxruntime", path.read_text(), re.M)]
    assert importing == ["inference.py"]
