"""Nothing leaves the machine, and files are written only where requested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np

from bragglens.crystal.library import Library
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

GRID = Grid(20.0, 60.0, 0.05)
# Look-ups and connections by Python are counted; files opened by C code appear among the files of the process.
COUNTED = """
import sys, time
from pathlib import Path
asked = []
def count(event, given):
    if event.startswith("socket."):
        asked.append((event, given))
sys.addaudithook(count)
from bragglens.cli import main
sys.argv[0] = "bragglens"
try:
    main()
finally:
    time.sleep(1.0)  # what reports home does so from a thread of its own
    asked += [file for file in Path("/proc/self/fd").glob("*") if file.is_socket()]
    print("asked:", asked, file=sys.stderr)
"""


def test_identification_uses_no_network_and_leaves_no_files(titania: Library, tmp_path: Path) -> None:
    instrument = Instrument(emission("CuKa"), W=0.01)
    crystals = reflections_in_range(titania.phases, instrument.lines, GRID)
    drawn = render_phases(crystals, instrument, [Specimen()] * 5, GRID)
    counts = np.random.default_rng(0).poisson(2000 * drawn[0] + 40)
    np.savetxt(tmp_path / "scan.xy", np.column_stack([GRID.two_theta, counts]), fmt="%.3f")
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    shutil.move(tmp_path / "scan.xy", work)
    own = {"HOME": str(home), "USERPROFILE": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home)}
    unset = ("ORT_DISABLE_TELEMETRY", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "BRAGGLENS_CACHE")
    environment = {key: value for key, value in os.environ.items() if key not in unset} | own
    words = ["identify", "scan.xy", "--phases", str(files("bragglens") / "data" / "titania"), "--wavelength", "CuKa"]
    outputs = ["--json", "a.json", "--table", "t.csv", "--report", "r.html", "--profile", "p.xye"]
    command = [sys.executable, "-c", COUNTED, *words, *outputs]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "asked: []" in done.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert sorted(path.name for path in work.iterdir()) == ["a.json", "p.xye", "r.html", "scan.xy", "t.csv"]
