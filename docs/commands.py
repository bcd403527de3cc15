"""The command-line reference as a page, generated from the commands: the text of `--help`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Appends the commands to the text of commands.md."""
    return f"{markdown}\n{reference()}" if page.file.src_uri == "commands.md" else markdown


def reference() -> str:
    """All commands with their arguments and options, as Markdown."""
    from bragglens.cli import app

    return "\n".join(_section(words, command) for words, command in commands(typer.main.get_command(app)))


def commands(group: Any, before: str = "bragglens") -> Iterator[tuple[str, Any]]:
    """Each command with the words that call it, in the order of `--help`; those of groups too."""
    for name, command in group.commands.items():
        words = f"{before} {name}"
        if hasattr(command, "commands"):
            yield from commands(command, words)
        else:
            yield words, command


def _section(words: str, command: Any) -> str:
    context = typer.Context(command, info_name=words)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    table = ["| option | default | meaning |", "|---|---|---|", *rows] if rows else []
    return "\n".join([f"## {words}\n", f"    {usage}\n", command.help or "", "", *table, ""])


def _row(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts] if name.startswith("-"))
    shown = names or f"`{parameter.metavar or parameter.name.upper()}`"
    return f"| {shown} | {_default(parameter)} | {_cell(parameter.help or '')} |"


def _default(parameter: Any) -> str:
    """As `--help` has it; nothing for flags and for what must be given."""
    stated = getattr(parameter, "show_default", None)
    if isinstance(stated, str):
        return _cell(stated)
    value = parameter.default
    plain = not callable(value) and value is not None and value is not False and value != ()
    return f"`{value}`" if plain and "Sentinel" not in type(value).__name__ else ""


def _cell(text: str) -> str:
    """Text that stays within its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
