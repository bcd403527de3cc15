"""Reading in a separate process: the same scans and messages, and a hostile file affects only itself.

Such a file makes the reader hang or crash, or fills the memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import ScanError
from bragglens.scan import reader_process
from bragglens.scan.read import read_scans
from bragglens.scan.reader_process import Reader, read_scans_in_process, reader

GOOD = "".join(f"{10 + i / 10:.1f} {i % 7}\n" for i in range(60)).encode()

# Effects of hostile files on a reader. Here the name of the file selects them.
HURTS = """
import time, os
from bragglens.scan import reader_process
plain = reader_process.scans_in

def hurt(data, name):
    if name == "hang":
        time.sleep(99)
    if name == "crash":
        os._exit(11)
    if name == "fill":
        bytearray(2**31)
    if name == "mistake":
        raise ZeroDivisionError("ours")
    if name == "print":
        print("printed", flush=True)
    return plain(data, name)

reader_process.scans_in = hurt
serve()
"""


@pytest.fixture
def hurt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setattr(reader_process, "_START", reader_process._START.replace("serve()\n", HURTS))
    started = Reader()
    yield started
    started.close()


def test_the_reader_process_gives_the_same_scans(tmp_path: Path) -> None:
    (tmp_path / "good.xy").write_bytes(GOOD)
    (tmp_path / "bad.xy").write_text("no scan")
    (there,), (here,) = read_scans_in_process(tmp_path / "good.xy"), read_scans(tmp_path / "good.xy")
    np.testing.assert_array_equal(there.counts, here.counts)
    assert (there.name, there.notes, there.metadata) == (here.name, here.notes, here.metadata)
    for path in (tmp_path / "bad.xy", tmp_path / "none.xy", tmp_path):
        with pytest.raises(ScanError) as apart_said:
            read_scans_in_process(path)
        with pytest.raises(ScanError) as said:
            read_scans(path)
        assert str(apart_said.value) == str(said.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("crash", "crash: reading it crashed"),
        ("hang", "hang: could not be read in 1.5 s, given up"),
        ("mistake", r"mistake: cannot be read \(ZeroDivisionError: ours\): please report"),
        pytest.param(
            "fill",
            "fill: needs more memory than a powder scan",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory"),
        ),
    ],
)
def test_a_hostile_file_affects_only_itself(
    hurt: Reader, name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "hang":
        hurt.ask(GOOD, "first")  # the time limit does not include the start
        monkeypatch.setattr(reader_process, "LONGEST", 1.5)
    with pytest.raises(ScanError, match=says):
        hurt.ask(GOOD, name)
    monkeypatch.undo()
    (scan,) = hurt.ask(GOOD, "next")
    assert scan.counts.size == 60


def test_printed_text_is_not_taken_for_an_answer(hurt: Reader) -> None:
    assert len(hurt.ask(GOOD, "print")) == len(hurt.ask(GOOD, "print")) == 1


def test_only_the_readers_are_imported() -> None:
    code = reader_process._START.replace(
        "serve()",
        f"from bragglens.scan.read import scans_in; scans_in({GOOD!r}, 'good.xy')\n"
        "print('bragglens.identification' in sys.modules, 'scipy' in sys.modules)",
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, *sys.path], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_it_ends_with_its_parent() -> None:
    """A killed parent cannot end it, but the pipe to it closes."""
    process = reader()._process
    assert process is not None
    code = (
        "import os, signal; from bragglens.scan.reader_process import reader; "
        "print(reader()._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    start = reader_process._START.replace("from bragglens.scan.reader_process import serve\nserve()", code)
    done = subprocess.run([sys.executable, "-I", "-c", start, *sys.path], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    until = time.monotonic() + 60
    while alive(int(done.stdout)):
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
