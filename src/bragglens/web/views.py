"""Views: the JSON objects of the API, and their descriptions."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, Field

from bragglens.crystal.formula import chemical_formula
from bragglens.identification.proposers import Proposer
from bragglens.scan.prepare import Preparation
from bragglens.web.jobs import Job, Jobs, State


class Problem(BaseModel):
    """An error."""

    error: str = Field(description="One sentence: what, where, why, what to do.")


class JobView(BaseModel):
    """One file and its result."""

    id: str
    file: str = Field(description="Name of the file as it was sent.")
    state: State
    ahead: int | None = Field(description="How many scans are answered before this one begins, while it is queued.")
    seconds: float = Field(description="Seconds in this state.")
    options: dict[str, Any] = Field(description="The options that were given.")
    error: str | None = Field(description="Why it failed, in one sentence.")
    missing: str | None = Field(description="`wavelength` where the file does not state it: ask again with it.")
    report: str | None = Field(description="Address of the report.")
    answer: dict[str, Any] | None = Field(description="Once done or failed: as `bragglens identify --json` has it.")


class JobList(BaseModel):
    """The jobs that a request started, in the order of its files."""

    jobs: list[JobView]


class PhaseView(BaseModel):
    """A phase that can be named."""

    name: str
    formula: str


class AxisView(BaseModel):
    """The range of a scan that the network uses."""

    start: float = Field(description="2θ in degrees.")
    stop: float = Field(description="2θ in degrees.")
    step: float = Field(description="Degrees.")
    wavelength: float = Field(description="Å; scans of other wavelengths are converted.")


class ModelView(BaseModel):
    """The model or library of the server."""

    name: str
    bragglens: str = Field(description="Version that runs.")
    phases: list[PhaseView]
    library: str = Field(description="SHA-256 of the phases.")
    axis: AxisView | None = Field(description="None for a library without a network.")
    versions: dict[str, str] = Field(description="What the model was trained with.")


class Health(BaseModel):
    """Whether scans can be identified, and the load of the server."""

    state: Literal["ok", "degraded", "down"] = Field(description="All workers can answer, some can, none can.")
    workers: int = Field(description="How many scans can be answered at once now.")
    queued: int
    running: int


def health_view(jobs: Jobs) -> Health:
    """State of the server."""
    ready, all_ = jobs.workers
    state: Literal["ok", "degraded", "down"] = "down" if ready == 0 else "ok" if ready == all_ else "degraded"
    return Health(state=state, workers=ready, queued=jobs.count("queued"), running=jobs.count("running"))


def job_view(job: Job, jobs: Jobs) -> JobView:
    """State of a job."""
    return JobView(
        id=job.id,
        file=job.upload.name,
        state=job.state,
        ahead=jobs.ahead(job) if job.state == "queued" else None,
        seconds=round(time.monotonic() - job.since, 1),
        options=job.options.given(),
        error=job.answer.error if job.answer else None,
        missing=job.answer.missing if job.answer else None,
        report=f"/api/jobs/{job.id}/report" if job.answer and job.answer.report else None,
        answer=job.answer.document if job.answer else None,
    )


def model_view(who: Proposer) -> ModelView:
    """The model or library of the server."""
    library, network = who.library, who.network
    return ModelView(
        name=who.identity,
        bragglens=version("bragglens"),
        phases=[PhaseView(name=phase.name, formula=chemical_formula(phase.formula)) for phase in library],
        library=library.hash,
        axis=_axis(network.preparation) if network else None,
        versions=network.versions if network else {},
    )


def _axis(seen: Preparation) -> AxisView:
    return AxisView(start=seen.grid.start, stop=seen.grid.stop, step=seen.grid.step, wavelength=seen.wavelength)
