"""Detection of a wrong axis: notes on unchanged scans, and on the same scans with an axis made wrong.

    python benchmarks/axis.py [--data DIR] [--models DIR] [--every N]

Scans as they are: all rows of the measured collection. With a wrong axis: every Nth row (4) of the sets whose phases
are in the library, each told a wrong tube twice, shifted three times by 0.7 to 2 degrees, given θ as 2θ, and stretched
or compressed by 2%. About ten minutes on one core. Writes benchmarks/results/axis.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from kept_answers import HALVES, RESULTS, SETS, arguments, held_out

from bragglens.errors import BragglensError
from bragglens.identification.axis import another_axis
from bragglens.identification.evaluate import Label, read_manifest
from bragglens.identification.identify import identify
from bragglens.learn.model import Model, load_model
from bragglens.match.catalogue import catalogue
from bragglens.policy import DEFAULT
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import TUBES

AS_IT_IS = "as it is"
OFFSETS = ((0.7, -1.3, 1.9), (-0.7, 1.0, -2.0), (0.9, -1.6, 1.5))
HEAD = """# Detection of a wrong wavelength or axis

`python benchmarks/axis.py`. Cells give looked at · held out, halves as in `identification.md`. The thresholds of
`identification/axis.py` were chosen with most of both in view, so that the halves only show how even the result is.

- *noticed*: the note names the error that was made.
- *another*: the note names another error.
- *answered*: no note, at most 15% of the scan is unexplained and at least one phase of the label is named. The fit has
  absorbed the offset.
- *rest*: poorly explained, without a note.

"""


@dataclass(frozen=True)
class Told:
    """A scan as it is told, and the words that a right notice begins with or holds; none for a scan as it is."""

    what: str
    scan: Scan
    wavelength: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    set: str
    what: str
    held_out: bool
    outcome: str
    seconds: float
    notice: str = ""
    file: str = ""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--every", type=int, default=4)
    options = parser.parse_args()
    rows: list[Row] = []
    for library, name in SETS:
        model = load_model(options.models / f"{library}.bragglens")
        for number, label in enumerate(read_manifest(options.data / "dev.csv", sets=[name])):
            scan = read_scan(label.file)
            wavelength = label.wavelength or scan.wavelength
            assert wavelength
            cases = [Told(AS_IT_IS, scan, wavelength)]
            known = label.phases and not label.strangers
            if known and number % options.every == 0:
                cases += wrong(scan, wavelength, number // options.every)
            held = held_out(label, options.data)
            rows += [row(told, label, model, set_name=name, held=held) for told in cases]
        print(name, len(rows), flush=True)
    (RESULTS / "axis.md").write_text(report(rows))
    print(report(rows))


def wrong(scan: Scan, wavelength: float, number: int) -> Iterator[Told]:
    """The same scan with its axis made wrong in seven ways."""
    true = min(TUBES, key=lambda anode: abs(TUBES[anode][0] - wavelength))
    other = ("Cu" if true == "Co" else "Co", ("Fe", "Mo", "Cr")[number % 3])
    for anode in other:
        yield Told("wrong tube", scan, TUBES[anode][0], ("wavelength?", f"{true}Ka"))
    for offset in OFFSETS[number % 3]:
        angle = scan.two_theta + offset
        moved = replace(scan, two_theta=angle[angle > 0.5], counts=scan.counts[angle > 0.5])
        yield Told("offset", moved, wavelength, ("offset?", "too high" if offset > 0 else "too low"))
    yield Told("θ as 2θ", replace(scan, two_theta=scan.two_theta / 2), wavelength, ("axis?", "θ"))
    share = (0.02, -0.02)[number % 2]
    stretched = replace(scan, two_theta=scan.two_theta * (1 + share))
    yield Told("stretched", stretched, wavelength, ("axis?", "stretched" if share > 0 else "compressed"))


def row(told: Told, label: Label, model: Model, *, set_name: str, held: bool) -> Row:
    notice, explained, seconds = "", False, 0.0
    try:
        answer = identify(told.scan, model, wavelength=told.wavelength)
        said = [note for note in answer.notes if note.split()[0] in ("wavelength?", "axis?", "offset?")]
        notice = said[0] if said else ""
        named = {finding.name for finding in answer.phases}
        explained = (answer.unexplained or 0.0) <= DEFAULT.look_again and bool(named & label.phases)
        if told.what == AS_IT_IS and not explained:
            started = time.process_time()
            known = catalogue(model.library)
            allowed = np.ones(len(known), dtype=bool)
            another_axis(told.scan, known, allowed, wavelength=told.wavelength, left=answer.unexplained or 0.0)
            seconds = time.process_time() - started
    except BragglensError as error:
        notice = next((part for part in str(error).split("; ") if "the lines fit" in part), "")
    right = bool(notice) and all(word in notice for word in told.words) and bool(told.words)
    outcome = "noticed" if right else "another" if notice else "answered" if explained else "rest"
    if notice and not right:
        print(told.what, label.file.name, notice, flush=True)
    return Row(set_name, told.what, held, outcome, seconds, notice, label.file.name)


def report(rows: list[Row]) -> str:
    lines = [HEAD + "| set | axis | scans | noticed | another | answered | rest |", "|---" * 7 + "|"]
    for set_name, what in dict.fromkeys((r.set, r.what) for r in rows if r.what != AS_IT_IS):
        lines.append(line(set_name, what, [r for r in rows if r.set == set_name and r.what == what]))
    for what in dict.fromkeys(r.what for r in rows):
        lines.append(line("all", what, [r for r in rows if r.what == what]))
    false = [r for r in rows if r.what == AS_IT_IS and r.notice]
    lines += [*(f"\nAs it is, {r.set}, {r.file}: {r.notice}" for r in false), ""]
    seconds = [r.seconds for r in rows if r.seconds]
    lines.append(f"CPU seconds of the second look: median {np.median(seconds):.2f}, longest {max(seconds):.1f}.")
    return "\n".join(lines) + "\n"


def line(set_name: str, what: str, rows: list[Row]) -> str:
    halves = [[r for r in rows if r.held_out == held] for held in range(len(HALVES))]
    cells = [" · ".join(str(len(half)) for half in halves)]
    for outcome in ("noticed", "another", "answered", "rest"):
        cells.append(" · ".join(str(sum(r.outcome == outcome for r in half)) for half in halves))
    return f"| {set_name} | {what} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
