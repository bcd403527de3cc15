"""The command line: parse, call, print."""

from __future__ import annotations

import sys

# each adds its commands to the application
from bragglens.cli import answering, assessing, making, serving, structures, teaching  # noqa: F401
from bragglens.cli.app import app, tell
from bragglens.errors import BragglensError
from bragglens.plain import print_what_can_be


def main() -> None:
    """Run the command line. A BragglensError is printed as one sentence on the error stream."""
    print_what_can_be()
    try:
        app()
    except BragglensError as error:
        tell(f"error: {error}", "red")
        sys.exit(2)
