"""The tools of `bragglens mcp`: as functions, and by the official client in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bragglens.crystal.cif import read_cif
from bragglens.errors import BragglensError
from bragglens.match.builtin import entries
from bragglens.web.mcp import MOST_PHASES, Tools, tools_of


@pytest.fixture
def tools(scans: Path) -> Tools:
    return tools_of([scans])


def test_identifies_a_scan(tools: Tools) -> None:
    (answer,) = tools.identify_scan("nameless.xy", wavelength="CuKa", elements="Ti,O")["scans"]
    assert [phase["name"] for phase in answer["phases"]] == ["Rutile"]
    assert json.loads(json.dumps(answer, allow_nan=False))["verdict"] == answer["verdict"]


def test_a_bad_scan_is_an_answer_with_its_reason(tools: Tools) -> None:
    assert "wavelength" in tools.identify_scan("nameless.xy", elements="Ti,O")["scans"][0]["error"]
    assert "bad.xy" in tools.identify_scan("bad.xy", wavelength="CuKa")["scans"][0]["error"]


@pytest.mark.parametrize("path", ["../secret.json", "/etc/passwd", "link.json", "a\0b"])
def test_nothing_outside_the_folders_is_read(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.json").write_text('{"schema": 1, "scans": []}')
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/link.json").symlink_to(tmp_path / "secret.json")
    tools = tools_of([tmp_path / "inside"])
    for call in (tools.read_answer, tools.identify_scan):
        with pytest.raises(BragglensError, match=r"is outside|is not a path"):
            call(path)
    assert tools_of([tmp_path / "inside", tmp_path]).read_answer("../secret.json") == {"schema": 1, "scans": []}


def test_reads_an_answer_and_nothing_else(tmp_path: Path) -> None:
    tools = tools_of([tmp_path])
    (tmp_path / "answer.json").write_text('{"schema": 1, "model": "m", "scans": []}')
    assert tools.read_answer("answer.json")["schema"] == 1
    for text in ("", "[1]", '{"a": 1}', "[" * 10**5):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(BragglensError, match=r"other\.json: is not an answer of bragglens"):
            tools.read_answer("other.json")


def test_lists_phases_with_their_sources(tools: Tools) -> None:
    listed = tools.list_phases("Ti,O")
    assert {"Rutile", "Anatase", "Brookite"} <= {phase["name"] for phase in listed["phases"]}
    assert all(phase["source"] for phase in listed["phases"])
    everything = tools.list_phases()
    assert (everything["count"], len(everything["phases"])) == (len(entries()), MOST_PHASES)
    assert tools.list_phases(library="minerals")["count"] < everything["count"]
    with pytest.raises(BragglensError, match="is not part of the built-in library"):
        tools.list_phases(library="/etc")


def test_gives_a_structure_as_cif(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "Quartz.cif").write_text(tools.structure_cif("Quartz"))
    assert read_cif(tmp_path / "Quartz.cif").cell[0] == pytest.approx(4.913, abs=0.01)
    with pytest.raises(BragglensError, match="'Nothing' is not in the built-in library"):
        tools.structure_cif("Nothing")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BragglensError, match="is not a folder"):
        tools_of([tmp_path / "missing"])


def test_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['mcp'] = None; sys.argv = ['bragglens', 'mcp']; from bragglens.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert 'pip install "bragglens[mcp]"' in done.stderr


def test_official_client(scans: Path) -> None:
    mcp = pytest.importorskip("mcp")
    words = ["-m", "bragglens", "mcp", "--folder", str(scans)]
    command = mcp.StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))

    async def talk() -> tuple[set[str], Any, Any, Any]:
        async with mcp.Client(command) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            scan = {"path": "nameless.xy", "wavelength": "CuKa", "elements": "Ti,O"}
            return (
                names,
                await client.call_tool("identify_scan", scan),
                await client.call_tool("structure_cif", {"name": "Quartz"}),
                await client.call_tool("read_answer", {"path": "/etc/passwd"}),
            )

    with ThreadPoolExecutor(1) as thread:  # the browser of other tests keeps a loop in this one
        names, answer, cif, refused = thread.submit(asyncio.run, talk()).result()
    assert names == {"identify_scan", "read_answer", "list_phases", "structure_cif"}
    assert [phase["name"] for phase in answer.structured_content["scans"][0]["phases"]] == ["Rutile"]
    assert "_cell_length_a" in cif.content[0].text
    assert refused.is_error
    assert "is outside" in refused.content[0].text
