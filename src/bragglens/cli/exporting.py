"""Exports of `identify` to other programs: the fitted profile, a project for rietx, its refinement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bragglens.errors import BragglensError
from bragglens.files import safe_name

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification


@dataclass(frozen=True)
class Exports:
    """The exports of each answer.

    Attributes:
        profile: file for the fitted profile, or a folder where there may be several scans.
        rietx: folder of the project, or of the projects where there may be several scans.
        rietveld: whether to run the refinement at once.
        sole: the file of the only scan; None where there may be several.
    """

    profile: Path | None
    rietx: Path | None
    rietveld: bool
    sole: str | None

    @property
    def any(self) -> bool:
        """Whether there is anything to export."""
        return bool(self.profile or self.rietx or self.rietveld)


def check_exports(exports: Exports, *, network_only: bool) -> None:
    """Refuse exports that can only fail after the work is done.

    Raises:
        BragglensError: there will be no fit to write, rietx is missing, the extension is unknown, or the project
            already exists.
    """
    if not exports.any:
        return
    from bragglens.identification.rietveld import program
    from bragglens.report.profile import SUFFIXES

    if network_only:
        raise BragglensError("with --network-only there is no fit to write or refine: leave it out")
    if exports.rietx or exports.rietveld:
        program()
    if exports.sole is None:
        return
    if exports.profile and exports.profile.suffix.lower() not in SUFFIXES:
        raise BragglensError(
            f"{exports.profile}: a fit is written as {' or '.join(SUFFIXES)}: use one of these extensions"
        )
    if exports.rietx and exports.rietx.exists():
        raise BragglensError(f"{exports.rietx}: exists already and is not overwritten: choose another folder")


def export(answer: Identification, exports: Exports) -> Identification:
    """Write the requested exports.

    The answer is returned with its Rietveld refinement, and with notes about failures.
    """
    failed = []
    for write in (_write_profile, _write_project):
        try:
            write(answer, exports)
        except BragglensError as error:  # one file that cannot be written must not stop a batch
            failed.append(str(error))
    answer = replace(answer, notes=(*answer.notes, *failed, *_left_out(answer, exports)))
    return _refined(answer, exports) if exports.rietveld and answer.phases else answer


def _write_profile(answer: Identification, exports: Exports) -> None:
    from bragglens.report.profile import SUFFIXES, write_profile

    if exports.profile:
        name = Path(answer.file).name
        several = [exports.profile / safe_name(name, suffix) for suffix in SUFFIXES]
        for path in [exports.profile] if answer.file == exports.sole else several:
            write_profile(answer, path)


def _write_project(answer: Identification, exports: Exports) -> None:
    from bragglens.identification.rietveld import write_project

    if exports.rietx and answer.fit:
        write_project(answer.fit, _project(answer, exports.rietx, exports))


def _left_out(answer: Identification, exports: Exports) -> list[str]:
    from bragglens.identification.rietveld import left_out

    return left_out(answer.fit) if answer.fit and (exports.rietx or exports.rietveld) else []


def _project(answer: Identification, folder: Path, exports: Exports) -> Path:
    return folder if answer.file == exports.sole else folder / safe_name(Path(answer.file).name, ".rex")


def _refined(answer: Identification, exports: Exports) -> Identification:
    """The answer with a refinement, which is stored in the project if there is one."""
    from bragglens.identification.rietveld import refine_fit, refine_project

    if exports.rietx:
        return replace(answer, rietveld=refine_project(_project(answer, exports.rietx, exports)))
    assert answer.fit is not None
    return replace(answer, rietveld=refine_fit(answer.fit))
