"""Tools of the Model Context Protocol, for laboratory programs and assistants."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bragglens.crystal.choice import element_choice
from bragglens.crystal.cif_text import phase_cif
from bragglens.crystal.essential import essential_elements
from bragglens.errors import BragglensError
from bragglens.files import check_format, read_bytes
from bragglens.identification.allowed import check
from bragglens.identification.answer import SCHEMA, document
from bragglens.identification.identify import identify_each
from bragglens.identification.options import read_options
from bragglens.identification.sources import proposer_of
from bragglens.match.builtin import SCOPES, builtin, entries

MOST_PHASES = 200  # in one list; judgement: what an assistant can still read
_LARGEST = 64 * 2**20  # bytes of an answer file
_INSTRUCTIONS = (
    "Identify crystalline phases in powder X-ray diffraction scans. Only the verdicts known and mixture are "
    "reliable; report tentative, partly unknown and unknown as such. Never guess a wavelength: ask the user."
)


@dataclass(frozen=True)
class Tools:
    """The tools: one per public method; nothing is written.

    Attributes:
        folders: only files in or below these are read; relative paths start at the first.
    """

    folders: tuple[Path, ...]

    def identify_scan(
        self, path: str, wavelength: str = "", elements: str = "", library: str = "all"
    ) -> dict[str, Any]:
        """Identify the phases of a powder scan with the built-in library.

        Args:
            path: file of a diffractometer, or text with 2θ in degrees and counts.
            wavelength: CuKa, CoKa, ... or Å; needed where the file does not state it.
            elements: `Ti,O`: only phases of these elements; `-Fe`: none with iron.
            library: minerals, inorganic, metals, cement, battery, pharma or all; several between commas.

        Returns:
            The document of `bragglens identify --json`: for each scan `verdict`, `phases` with weight fractions in wt%,
            cells in Å and degrees and probabilities, unexplained peaks, notes.
        """
        file = self._allowed(path)
        asked = proposer_of(_parts(library))
        options = read_options(wavelength=wavelength.strip(), elements=elements.strip())
        check(asked, options)
        return document(asked.identity, list(identify_each(file, asked, options)))

    def read_answer(self, path: str) -> dict[str, Any]:
        """Read an answer that `bragglens identify --json` wrote.

        Args:
            path: the JSON file.

        Returns:
            The document, with `scans`.
        """
        data = read_bytes(self._allowed(path), BragglensError, largest=_LARGEST, what="an answer")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("scans"), list):
            raise BragglensError(f"{path}: is not an answer of bragglens: give a file that `identify --json` wrote")
        check_format(path, answer.get("schema"), SCHEMA, BragglensError, of="answer", again="ask the scan again")
        return answer

    def list_phases(self, elements: str = "", library: str = "all") -> dict[str, Any]:
        """List phases of the built-in library, the most common first.

        Args:
            elements: `Ti,O`: only phases of these elements; `-Fe`: none with iron.
            library: minerals, inorganic, metals, cement, battery, pharma or all; several between commas.

        Returns:
            `count`, and `phases` (200 at most): name, formula, space group, source, number, reference.
        """
        wanted, held = element_choice(elements.strip() or None), entries()
        phases = [phase for phase in builtin(_parts(library)).library if wanted(essential_elements(phase))]
        found = sorted((held[phase.name] for phase in phases), key=lambda entry: -entry.papers)
        named = ("name", "formula", "space_group", "source", "number", "reference")
        rows = [{name: getattr(entry, name) for name in named} for entry in found[:MOST_PHASES]]
        return {"count": len(found), "phases": rows}

    def structure_cif(self, name: str) -> str:
        """Return one structure of the built-in library as CIF.

        Args:
            name: of the phase, as in `list_phases` and answers.

        Returns:
            The text of the CIF.
        """
        library = builtin().library
        if name not in library:
            raise BragglensError(f"'{name}' is not in the built-in library: use a name from list_phases")
        return phase_cif(library[name])

    def _allowed(self, path: str) -> Path:
        """A path with links resolved.

        Raises:
            BragglensError: it is outside the folders.
        """
        try:
            file = (self.folders[0] / path).resolve()
        except (OSError, ValueError, RuntimeError):
            raise BragglensError(f"{path!r}: is not a path: give the path of a file") from None
        if not any(file.is_relative_to(folder) for folder in self.folders):
            inside = ", ".join(map(str, self.folders))
            raise BragglensError(f"{path}: is outside {inside}: start `bragglens mcp --folder` with its folder")
        return file


def tools_of(folders: Sequence[Path]) -> Tools:
    """The tools for files in these folders.

    Raises:
        BragglensError: one of them is not a folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise BragglensError(f"{folder}: is not a folder: give the folder with your scans")
    return Tools(tuple(folder.resolve() for folder in folders))


def server_of(tools: Tools) -> Any:
    """The tools as a server of the package mcp.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("bragglens", instructions=_INSTRUCTIONS, version=version("bragglens"))
    for tool in (tools.identify_scan, tools.read_answer, tools.list_phases, tools.structure_cif):
        server.add_tool(_in_one_sentence(tool))
    return server


def _parts(library: str) -> list[str]:
    """Parts of the built-in library; never a path, which `proposer_of` would read.

    Raises:
        BragglensError: one of them is not a part.
    """
    parts = library.replace(",", " ").split() or ["all"]
    for part in parts:
        if part not in SCOPES:
            raise BragglensError(f"library {part}: is not part of the built-in library: give {', '.join(SCOPES)}")
    return parts


def _in_one_sentence(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The same tool; only its own errors are shown to the client, not the text of other exceptions."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    def called(*args: Any, **options: Any) -> Any:
        try:
            return tool(*args, **options)
        except BragglensError as error:
            raise ToolError(str(error)) from None

    return called
