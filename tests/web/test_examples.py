"""The examples of docs/howto/serve.md, word for word, against a server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/howto/serve.md"


def example(language: str, server: str) -> str:
    """The one example in a language, with the address of the server that runs here."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return found.replace("http://127.0.0.1:8000", server)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(scans: Path, tmp_path: Path) -> Path:
    """A folder with a scan.xy that does not state its wavelength."""
    shutil.copyfile(scans / "nameless.xy", tmp_path / "scan.xy")
    return tmp_path


def test_python(server: str, folder: Path) -> None:
    assert run([sys.executable, "-c", example("py", server)], folder).startswith("[('rutile', 100.0)")


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="needs curl")
def test_curl(server: str, folder: Path) -> None:
    job = json.loads(run(["sh", "-c", example("sh", server)], folder))
    assert job["state"] == "done"
    assert [phase["name"] for phase in job["answer"]["scans"][0]["phases"]] == ["rutile"]
    assert "rutile" in (folder / "report.html").read_text(encoding="utf-8")
