"""The command line: parse, call, print."""

from __future__ import annotations

import sys

# each adds its commands to the application
from bragglens.cli import answering, making, serving, structures, teaching  # noqa: F401
from bragglens.cli.app import app, err
from bragglens.errors import BragglensError


def main() -> None:
    """Run the command line; what goes wrong on purpose is one sentence on the error stream."""
    try:
        app()
    except BragglensError as error:
        err.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
