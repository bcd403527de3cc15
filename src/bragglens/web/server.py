"""Server: the API behind its guard; every error is answered with one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from bragglens.errors import BragglensError
from bragglens.identification.sources import Source, proposer_of
from bragglens.web.api import STATIC, routes
from bragglens.web.guard import Guard
from bragglens.web.jobs import FullError, Jobs
from bragglens.web.token import Locked

LARGEST_REQUEST = 64 * 2**20  # bytes


def application(asked: Source, *, workers: int = 1, names: Collection[str] = (), token: str | None = None) -> ASGIApp:
    """The server as an ASGI application.

    Args:
        asked: a model or a library.
        workers: number of scans at once, each in its own process.
        names: accepted host names in addition to `localhost` and IP addresses.
        token: the secret that every request needs; None if other machines cannot reach the server.
    """

    who = proposer_of(asked)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        app.state.jobs = Jobs(who, workers=workers)
        yield
        app.state.jobs.close()

    app = FastAPI(
        title="bragglens",
        version=version("bragglens"),
        description="Which crystalline phases are in a powder diffraction scan, how much of each, how sure that is.",
        docs_url=None,  # they load scripts from another host; ours is at /api
        redoc_url=None,
        lifespan=running,
    )
    app.state.asked = who
    app.include_router(routes)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(BragglensError, _impossible)
    app.add_exception_handler(OSError, _short)
    app.add_exception_handler(Exception, _mistaken)
    locked = Locked(app, token) if token else app
    return Guard(locked, names=frozenset(name.lower() for name in names), largest=LARGEST_REQUEST)


def _problem(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, OSError):  # while the form was read
        return _short(request, error.__cause__)
    unknown = "there is nothing at this address: see /api for the API"
    return _problem(error.status_code, unknown if error.detail == "Not Found" else error.detail)


def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _problem(422, f"{first['loc'][-1]}: {first['msg'].lower()}: see /api for the fields")


def _impossible(request: Request, error: Exception) -> Response:
    return _problem(429 if isinstance(error, FullError) else 422, str(error))


def _short(request: Request, error: Exception) -> Response:
    return _problem(503, f"the server cannot continue now ({error}): try again in a minute")


def _mistaken(request: Request, error: Exception) -> Response:
    return _problem(500, f"internal error of bragglens ({type(error).__name__}): please report it")
