"""Growing: a report written while its batch runs. It needs little memory and survives if the batch is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bragglens.errors import BragglensError
from bragglens.files import partial_of, whole_file
from bragglens.identification.answer import Identification
from bragglens.identification.sources import Source
from bragglens.report.page import closing, opening, overview, policy_in
from bragglens.report.section import section
from bragglens.report.trace import Trace, trace_of

_BLOCK = 2**20  # bytes copied at a time


class GrowingReport:
    """A report to which answers are added one by one; `close` completes it.

    Until then the sections are in `NAME.….partial.html` beside it, which a browser can open. After a power failure it
    is the report of what was answered. If the report cannot be written, that file is removed.
    """

    def __init__(self, path: Path, asked: Source, *, title: str, intro: str, series: bool) -> None:
        self._path, self._asked, self._series = path, asked, series
        self._partial = partial_of(path.with_suffix(""), ".html")
        self._opening = opening(title, intro).encode("utf-8", "replace")
        self._traces: list[Trace | None] = []
        self._ends = [len(self._opening)]  # sizes of the partial file after each complete section
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._partial.write_bytes(self._opening)
        except OSError as error:
            raise self._refused(error) from error

    def add(self, answer: Identification) -> None:
        """Write the section of an answer while it has its patterns."""
        content = section(answer, len(self._ends)).encode("utf-8", "replace")
        try:
            with self._partial.open("ab") as handle:
                handle.write(content)
        except OSError as error:
            raise self._refused(error) from error
        self._traces.append(trace_of(answer))
        self._ends.append(self._ends[-1] + len(content))

    def close(self, answers: Sequence[Identification]) -> None:
        """Write the report with its overview, and remove the partial one.

        Args:
            answers: those that were added; a section cut off by the end of the batch is left out.
        """
        summary = overview(answers, self._traces[: len(answers)], series=self._series)
        try:
            with whole_file(self._path) as target, self._partial.open("rb") as sections:
                target.write(self._opening + summary.encode("utf-8", "replace"))
                sections.seek(self._ends[0])
                copied = self._ends[len(answers)] - self._ends[0]
                while copied and (block := sections.read(min(copied, _BLOCK))):
                    target.write(block)
                    copied -= len(block)
                target.write(closing(self._asked, policy_in(answers)).encode("utf-8", "replace"))
        finally:
            self._partial.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> BragglensError:
        with suppress(OSError):
            self._partial.unlink()
        reason = (error.strerror or str(error)).lower()
        return BragglensError(f"{self._path}: cannot be written ({reason}): choose another place")
