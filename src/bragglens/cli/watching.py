"""watch: answers for the scans that a diffractometer writes, one JSON file a scan, until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from bragglens.cli.app import kill_as_ctrl_c, out, tell
from bragglens.cli.jobs import Who
from bragglens.cli.outputs import Output, done
from bragglens.cli.parameters import SETTLE
from bragglens.cli.remembered import asked_of_file, stands, write_answers
from bragglens.errors import BragglensError
from bragglens.files import safe_name
from bragglens.scan.watch import settled_files

if TYPE_CHECKING:
    from bragglens.identification.options import Options


@dataclass(frozen=True)
class Asking:
    """How scans are identified.

    Attributes:
        who: the model or libraries.
        model: its name in answers.
        options: the options for the scans.
        identify: gives the Identification of each scan of a file.
        outputs: further outputs of each answer.
    """

    who: Who
    model: str
    options: Options
    identify: Callable[[Path], Iterable[Any]]
    outputs: Sequence[Output] = ()


def watch_folder(folder: Path, answers: Path, asking: Asking, *, settle: float = SETTLE) -> None:
    """Identify every scan of a folder, including new and changed ones; Ctrl-C or `kill` stops it.

    The answer files record what was done: a scan whose file in `answers` states its present content, this model and
    these options is not identified again.

    Args:
        folder: the folder that a diffractometer writes to.
        answers: folder for the answers, `SCAN.json` each, written completely or not at all.
        asking: how scans are identified.
        settle: seconds for which a file must not have changed.

    Raises:
        BragglensError: the folder does not exist, or the answers would be in the folder of the scans.
    """
    if not folder.is_dir():
        raise BragglensError(f"{folder}: is not a folder: give the one that the diffractometer writes to")
    if answers.resolve() == folder.resolve() or answers.is_file():
        raise BragglensError(f"{answers}: answers need another folder than the scans: give another")
    tell(f"watching {folder}, answers go to {answers}; Ctrl-C ends it", "dim")
    try:
        with kill_as_ctrl_c():
            for scan, _ in settled_files(folder, settle=settle):
                asked = asked_of_file(scan, asking.who.identity, asking.options)
                target = answers / safe_name(scan.name, ".json")
                if not stands(target, asked):
                    _answer(scan, target, asking, asked)
    except KeyboardInterrupt:
        tell("stopped; finished answers are kept", "yellow")


def _answer(scan: Path, target: Path, asking: Asking, asked: dict[str, Any]) -> None:
    """Identify a scan, write the answer and print a line. A failure with one scan does not stop the watch."""
    try:
        answers = []
        for answer in asking.identify(scan):
            for output in asking.outputs:
                done(output.add, answer)  # a figure that fails must not cost the answer
            out.print(_line(answer), soft_wrap=True)
            answers.append(answer.without_patterns)
        write_answers(answers, target, model=asking.model, asked=asked)
    except BragglensError as error:
        tell(error, "red")
    except Exception as error:  # a bug that affects one scan must not end a watch that runs for weeks
        tell(f"{scan}: {type(error).__name__}: {error}: please report this", "red")


def _line(answer: Any) -> Text:
    """Time, file, verdict and phases."""
    from bragglens.report.words import STYLES, clean, named, probability, weight

    found = ", ".join(f"{named(f)} {weight(f) or probability(f.probability)}" for f in answer.phases)
    said = answer.error if answer.verdict is None else ": ".join(part for part in (answer.verdict, found) if part)
    style = STYLES[answer.verdict] if answer.verdict else "red"
    return Text.assemble(time.strftime("%H:%M:%S  "), clean(Path(answer.file).name), "  ", (clean(said), style))
