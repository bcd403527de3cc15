"""The HTTP API, and the page that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from bragglens.identification.allowed import check
from bragglens.identification.options import Options
from bragglens.scan.read import LARGEST
from bragglens.web.form import options
from bragglens.web.guard import REPORT_POLICY
from bragglens.web.jobs import FullError, Job, Jobs
from bragglens.web.views import Health, JobList, JobView, ModelView, Problem, health_view, job_view, model_view
from bragglens.web.worker import Upload

MOST_FILES = 50  # in one request
STATIC = Path(__file__).parent / "static"
_LONGEST_NAME = 200  # letters

Asked = Annotated[Options, Depends(options)]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Without the server's token, where it has one"},
    403: {"model": Problem, "description": "From another web site, or under an unknown host name"},
    404: {"model": Problem, "description": "No such job, or it was deleted"},
    409: {"model": Problem, "description": "Not yet"},
    413: {"model": Problem, "description": "Too large, or too many files"},
    422: {"model": Problem, "description": "An invalid field"},
    429: {"model": Problem, "description": "Too many scans wait"},
}


def _may(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: _PROBLEMS[status] for status in (401, *statuses)}


routes = APIRouter()


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _job(id: str, request: Request) -> Job:
    job = _jobs(request).get(id)
    if job is None:
        raise HTTPException(404, "there is no such job, or it was deleted: send the scan again")
    return job


TheJobs = Annotated[Jobs, Depends(_jobs)]
TheJob = Annotated[Job, Depends(_job)]


@routes.post("/api/identify", status_code=202, responses=_may(403, 413, 422, 429))
def identify(files: list[UploadFile], options: Asked, request: Request, jobs: TheJobs) -> JobList:
    """Send scans to be identified; each becomes a job. Either all are accepted or none."""
    check(request.app.state.asked, options)
    if len(files) > MOST_FILES:
        raise HTTPException(413, f"{len(files)} files in one request: send at most {MOST_FILES}, then the next")
    started: list[Job] = []
    try:
        for file in files:  # one after the other: what waits together is what the queue may hold
            started.append(jobs.add(Upload(_name(file.filename), _content(file)), options))
    except (FullError, HTTPException):
        for job in started:
            jobs.drop(job.id)
        raise
    return JobList(jobs=[job_view(job, jobs) for job in started])


def _content(file: UploadFile) -> bytes:
    data = file.file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise HTTPException(413, f"{_name(file.filename)}: is over {LARGEST >> 20} MB: is this the right file?")
    return data


def _name(sent: str | None) -> str:
    """The name of a file, without folders, shortened for display."""
    return (sent or "").replace("\\", "/").rpartition("/")[2].strip()[-_LONGEST_NAME:] or "scan"


@routes.get("/api/jobs/{id}", responses=_may(403, 404, 422))
def job(job: TheJob, jobs: TheJobs) -> JobView:
    """State of a job; its answer when it is done or failed."""
    return job_view(job, jobs)


@routes.post("/api/jobs/{id}/again", status_code=202, responses=_may(403, 404, 422, 429))
def again(job: TheJob, options: Asked, request: Request, jobs: TheJobs) -> JobView:
    """Identify the same scan with other options, as a new job; the old one is kept."""
    check(request.app.state.asked, options)
    return job_view(jobs.add(job.upload, options), jobs)


@routes.get(
    "/api/jobs/{id}/report",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}, **_may(403, 404, 409, 422)},
)
def report(job: TheJob) -> Response:
    """The answer as one self-contained HTML page."""
    if job.answer is None:
        raise HTTPException(409, f"{job.upload.name}: is not finished yet: request it when its job is done")
    if job.answer.report is None:
        raise HTTPException(404, f"{job.upload.name}: has no report: its job says why")
    return Response(job.answer.report, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


@routes.delete("/api/jobs/{id}", status_code=204, responses=_may(403, 404, 422))
def forget(job: TheJob, jobs: TheJobs) -> None:
    """Delete a job with its scan; a running job is stopped."""
    jobs.drop(job.id)


@routes.get("/api/model", responses=_may(403))
def model(request: Request) -> ModelView:
    """The model or library of this server, and the phases that it can name."""
    return model_view(request.app.state.asked)


@routes.get("/api/health", responses={**_may(403), 503: {"model": Health, "description": "No worker can answer"}})
def health(jobs: TheJobs, response: Response) -> Health:
    """Whether scans can be identified, and the load of the server; status 503 if none can be."""
    view = health_view(jobs)
    response.status_code = 503 if view.state == "down" else 200
    return view


@routes.get("/", include_in_schema=False)
def page() -> FileResponse:
    """The page."""
    return FileResponse(STATIC / "index.html")


@routes.get("/api", include_in_schema=False)
def reference() -> FileResponse:
    """The API as a page for people."""
    return FileResponse(STATIC / "api.html")
