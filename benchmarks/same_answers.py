"""Do two versions of the program answer alike? Every labelled measured scan, asked in every way, its JSON compared.

    python benchmarks/same_answers.py ask FOLDER [--data DIR] [--models DIR] [SET ...]
    python benchmarks/same_answers.py compare BEFORE AFTER

`ask` writes one JSON file for each library and set: the answers of the network alone, of the fit over the whole
library, of both, and of the matcher against all minerals of AMCSD, blind and with the elements of the label. Files
that are there already are kept, so that it goes on where it was stopped. Run it in a checkout of each version, with the
same models. `compare` lists the answers that differ: by verdict or phases, or by numbers alone and by how much.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kept_answers import SETS, arguments, ask_set
from thousands import SETS as LIBRARIES
from thousands import combined, read_manifest

from bragglens import BragglensError, identify, read_scan
from bragglens.learn.model import load_model

NOT_COMPARED = ("seconds", "file", "notes", "error")  # of notes their number, not their words
LAST_DIGITS = 1e-3  # relative: below it two answers differ by where the last steps ended


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("ask", "compare"))
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sets", nargs="*", default=None)
    options = parser.parse_args()
    if options.what == "compare":
        print("\n".join(compared(*options.folders)))
        return
    (folder,) = options.folders
    folder.mkdir(parents=True, exist_ok=True)
    for library, name in SETS:
        if options.sets is None or name in options.sets:
            _once(folder / f"{library}-{name}.json", lambda a=library, b=name: _of_model(a, b, options))
    for name in LIBRARIES:
        if options.sets is None or name in options.sets:
            _once(folder / f"thousands-{name}.json", lambda a=name: _of_matcher(a, options.data))


def _once(path: Path, ask: Any) -> None:
    """Write the answers unless they are there."""
    if path.exists():
        return
    started = time.process_time()
    answers = ask()
    path.write_text(json.dumps({"cpu": time.process_time() - started, "answers": answers}))
    print(path.name, len(answers), f"{time.process_time() - started:.0f} s", flush=True)


def _of_model(library: str, name: str, options: Any) -> dict[str, Any]:
    model = load_model(options.models / f"{library}.bragglens")
    answers = ask_set(library, name, model, options.data)
    return {f"{one.judged.label.file.name} {one.way}": one.judged.answer.to_dict() for one in answers}


def _of_matcher(name: str, data: Path) -> dict[str, Any]:
    """Answers of the matcher and the fit among the labelled phases and all minerals, blind and with elements."""
    whole, _ = combined(data, LIBRARIES[name])
    elements = {phase.name: {site.element for site in phase.sites} for phase in whole.library}
    answers = {}
    for label in read_manifest(data / "dev.csv", sets=[name]):
        held = set().union(*(elements[phase] for phase in label.phases))
        for way, given in (("blind", None), ("elements", ",".join(sorted(held)) or None)):
            if way == "blind" or given:
                answers[f"{label.file.name} {way}"] = _answer(label, whole, given)
    return answers


def _answer(label: Any, whole: Any, elements: str | None) -> dict[str, Any]:
    try:
        return identify(read_scan(label.file), whole, wavelength=label.wavelength, elements=elements).to_dict()
    except BragglensError as error:
        return {"error": str(error)}


def compared(before: Path, after: Path) -> Iterator[str]:
    """A line for each set, and one for each answer that differs."""
    for path in sorted(before.glob("*.json")):
        if not (after / path.name).exists():
            yield f"{path.stem}: not asked"
            continue
        old, new = (json.loads((folder / path.name).read_text()) for folder in (before, after))
        differ = {key: _difference(one, new["answers"].get(key)) for key, one in old["answers"].items()}
        said = [(key, text) for key, text in differ.items() if text]
        count = f"{path.stem}: {len(old['answers'])} answers, {len(said)} differ"
        yield f"{count}; CPU {old['cpu']:.0f} and {new['cpu']:.0f} s"
        yield from (f"  {key}: {text}" for key, text in said)


def _difference(old: Any, new: Any) -> str:
    """How two answers differ, in a line; empty where they do not."""
    if new is None:
        return "not asked"
    if _told(old) != _told(new):
        return f"{_told(old)} -> {_told(new)}"
    numbers = dict(_numbers(old, new))
    if not numbers:
        return ""
    field, largest = max(numbers.items(), key=lambda item: item[1])
    return f"{'last digits' if largest < LAST_DIGITS else 'numbers'}: {field} by {largest:.2g}"


def _told(answer: Any) -> tuple[Any, ...]:
    """What a user acts on: verdict, named phases, how many notes there are, and whether it could be answered."""
    names = [one["name"] for one in answer.get("phases", [])]
    return answer.get("verdict"), names, len(answer.get("notes", [])), answer.get("error") is None


def _numbers(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Each value that differs, with its relative difference; anything else that differs counts as 1.

    A field that only one of them has is not compared: fields may be added.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted((old.keys() & new.keys()) - set(NOT_COMPARED)):
            yield from _numbers(old[key], new[key], f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, pair in enumerate(zip(old, new, strict=True)):
            yield from _numbers(*pair, f"{place}[{i}]")
    elif isinstance(old, float) and isinstance(new, float):
        if old != new:
            yield place, abs(old - new) / max(abs(old), abs(new))
    elif old != new:
        yield f"{place} ({old} -> {new})"[:200], 1.0


if __name__ == "__main__":
    main()
