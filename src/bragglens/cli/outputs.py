"""Outputs: what `identify` and `batch` write.

Each is a set of three functions, so that any batch takes a list of them.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bragglens.cli.app import out, tell
from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.files import safe_name

if TYPE_CHECKING:
    from bragglens.identification.proposers import Proposer

Answers = Sequence[Any]  # of Identification, which is slow to import

_COMMAND = 300  # characters of a command line that a report repeats


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Output:
    """One output of a batch.

    Attributes:
        add: takes each answer when it is ready, with its fit.
        keep: takes from time to time all answers so far, without their fits, so that little is lost in a power failure.
        close: takes all answers at the end.
    """

    add: Callable[[Any], None] = _nothing
    keep: Callable[[Answers], None] = _nothing
    close: Callable[[Answers], None] = _nothing


def done(work: Callable[[Any], None], argument: Any) -> bool:
    """Whether a part of an output could be written. If not, the error is printed."""
    try:
        work(argument)
    except BragglensError as error:
        tell(f"error: {error}", "red")
        return False
    return True


def screen(*, candidates: bool = False) -> Output:
    """The answers on the terminal, with the best candidates of each if requested."""
    from bragglens.report.candidates import print_candidates
    from bragglens.report.details import print_answers

    def shown(answers: Answers) -> None:
        print_answers(answers, console=out)
        if candidates:
            print_candidates(answers, console=out)

    return Output(close=shown)


def json_file(path: Path, asked: Sequence[Proposer]) -> Output:
    """All answers as JSON, with the names of the models and libraries; `-` is the standard output."""
    from bragglens.identification.answer import document
    from bragglens.report.words import write_json

    names = ", ".join(dict.fromkeys(one.identity for one in asked))

    def write(answers: Answers) -> None:
        write_json(document(names, list(answers)), path)

    return Output(keep=_nothing if path == Path("-") else write, close=write)


def table_file(path: Path) -> Output:
    """A row for each scan, as CSV or Parquet."""
    from bragglens.report.tidy import check_table, write_summary

    check_table(path)
    return Output(keep=lambda answers: write_summary(answers, path), close=lambda answers: write_summary(answers, path))


def figures(path: Path, *, sole: str | None) -> Output:
    """A figure of the only scan in a file of that name, or a folder with one of each scan."""
    with extra("plots", "--figure"):
        from bragglens.report.figures import FORMATS, check_figure
        from bragglens.report.identified import identification_figure

    if sole:
        check_figure(path)
    elif path.is_file() or path.suffix.lower() in FORMATS:
        raise BragglensError(f"{path}: is one figure, but there are several scans: give a folder")

    def draw(answer: Any) -> None:
        if not answer.error:
            target = path if answer.file == sole else path / safe_name(Path(answer.file).name, ".png")
            _save(identification_figure(answer), target)

    return Output(add=draw)


def report_file(path: Path, asked: Any, scans: Sequence[Path], *, series: bool) -> Output:
    """One HTML page about all scans, with the map of a series."""
    from bragglens.report.growing import GrowingReport
    from bragglens.report.page import check_report
    from bragglens.report.words import shorten

    check_report(path)
    title = f"Phases in {scans[0].name if len(scans) == 1 else f'{len(scans)} scans'}"
    command = shorten(shlex.join(["bragglens", *sys.argv[1:]]), _COMMAND)
    intro = f"Answered by bragglens on {datetime.now():%Y-%m-%d %H:%M}.\n\n{command}"
    growing = GrowingReport(path, asked, title=title, intro=intro, series=series)

    def close(answers: Answers) -> None:
        growing.close(answers)
        tell(path)  # the output may be JSON

    return Output(add=growing.add, close=close)


def series_file(path: Path, scans: Sequence[Path]) -> Output:
    """All scans side by side, with the fractions in each."""
    with extra("plots", "--series"):
        from bragglens.report.figures import check_figure
        from bragglens.report.series import series_figure
    from bragglens.report.trace import Trace, check_series, trace_of

    check_figure(path)
    check_series(_ranges(scans))
    traces: list[Trace | None] = []

    def close(answers: Answers) -> None:
        _save(series_figure(answers, traces[: len(answers)]), path)

    return Output(add=lambda answer: traces.append(trace_of(answer)), close=close)


def _ranges(files: Sequence[Path]) -> list[tuple[float, float]]:
    """First and last angle of every scan that can be read."""
    from bragglens.scan.read import read_scans

    ends = []
    for file in files:
        with suppress(BragglensError):  # reported when the scan is identified
            ends += [(float(scan.two_theta[0]), float(scan.two_theta[-1])) for scan in read_scans(file)]
    return ends


def _save(figure: Any, path: Path) -> None:
    from bragglens.report.figures import save_figure

    save_figure(figure, path)
    tell(path)  # the output may be JSON
