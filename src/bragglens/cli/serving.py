"""Commands for other programs: serve in the browser, mcp for programs."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bragglens.cli.app import app, say, tell
from bragglens.cli.grouped import grouped
from bragglens.cli.jobs import read_sources, sources_of
from bragglens.cli.parameters import Sources
from bragglens.errors import BragglensError
from bragglens.extras import extra


@app.command()
@grouped
def serve(
    sources: Sources,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any that is free.")] = 8000,
    names: Annotated[
        list[str] | None, typer.Option("--name", help="Host name by which others reach it; can be repeated.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of scans at once, each in its own process.")] = 2,
) -> None:
    """Identify scans on a page in the browser, and over HTTP for programs. Ctrl-C stops it."""
    with extra("web", "serve"):
        import uvicorn

        from bragglens.web.connection import settings
        from bragglens.web.server import application
        from bragglens.web.token import token_for

    asked = read_sources(sources_of(sources))
    listening = _listen(host, port)
    address, port = listening.getsockname()[:2]
    secret = token_for(address)
    if secret:
        tell("other machines can reach it: anyone who has the full address with the token can use it", "yellow")
    at = f"http://{f'[{address}]' if ':' in address else address}:{port}/"
    say(f"bragglens is at {at}{f'?token={secret}' if secret else ''}  (Ctrl-C ends it)")
    served = application(asked, workers=workers, names=names or [], token=secret)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings(served)).run(sockets=[listening])


@app.command()
def mcp(
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--folder",
            help="Folder whose files may be read, with all below it; can be repeated.",
            show_default="the current one",
        ),
    ] = None,
) -> None:
    """A server of the Model Context Protocol on standard input and output, for programs that start it. Writes no files.

    Its tools identify a scan, read an answer, list phases of the built-in library, and give a structure as CIF.
    """
    from bragglens.web.mcp import server_of, tools_of

    with extra("mcp", "bragglens mcp"):
        server = server_of(tools_of(folders or [Path()]))
    server.run("stdio")


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        BragglensError: the address is not of this machine, or the port is in use.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BragglensError(f"cannot listen on {host}:{port} ({reason}): choose another --port or --host") from None
