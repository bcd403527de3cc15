"""The fields of a recipe as a table, generated from the effects."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Appends the fields to the text of howto/recipe.md."""
    return f"{markdown}\n{fields()}" if page.file.src_uri == "howto/recipe.md" else markdown


def fields() -> str:
    """Every field with what it belongs to, its default, unit and meaning, as Markdown."""
    from bragglens.report.recipe_words import in_words
    from bragglens.simulate.effects import EFFECTS

    rows = [
        f"| `{effect.name}` | {effect.where} | {in_words(effect.default)} | {effect.unit} | {effect.meaning} |"
        for effect in EFFECTS.values()
    ]
    head = ["## All fields", "", "| field | of | default | unit | meaning |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])
