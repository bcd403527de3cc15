"""The command line as a user types it, in the process of the tests, because starting Python takes seconds.

Tests of processes, such as killed ones, start one.
"""

from __future__ import annotations

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bragglens.cli import main


def status_of(patch: pytest.MonkeyPatch, *words: object) -> int | None:
    """Status of a command; its output goes to that of the test."""
    patch.setattr(sys, "argv", ["bragglens", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code if isinstance(ended.value.code, int) else None


def run(*words: object, cwd: Path | None = None) -> CompletedProcess[str]:
    """A command with its status and its output, as `subprocess.run` gives them."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with chdir(cwd or Path.cwd()), redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        status = status_of(patch, *words)
    printed = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return CompletedProcess([*map(str, words)], status or 0, *printed)
