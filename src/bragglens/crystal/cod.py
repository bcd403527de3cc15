"""Structures of the Crystallography Open Database, downloaded once, cached, and named by mineral or formula.

(Gražulis et al., Nucleic Acids Research 40 (2012) D420; https://www.crystallography.net/cod.)
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from urllib.parse import urlencode

from bragglens.crystal.choice import Elements, read_choice
from bragglens.crystal.cif import MAX_FILE_SIZE, cif_content, parse_cif
from bragglens.crystal.provenance import Gathered, Origin, file_name, put, read_manifest, sha256, write_manifest
from bragglens.download import fetch
from bragglens.errors import BragglensError, FetchError
from bragglens.files import cache_folder, whole_file

COD = "https://www.crystallography.net/cod"
POLITE = 1.0  # seconds between requests; COD states no limit for single files, and asks for rsync where many are wanted
MOST_ELEMENTS = 6  # 63 combinations, a request each
LARGEST_LIST = 2**24  # bytes of a search's answer; the numbers of all COD, 8 bytes each, take a quarter

_ID = re.compile(r"(\d{7})(?:@(\d{1,9}))?", re.ASCII)
_REVISION = re.compile(r"\$Revision: (\d+) \$")
_NAME = re.compile(r"^_chemical_name_(?:mineral|common)\s+'?([^'\n;?]{2,60}?)'?\s*$", re.MULTILINE)


def fetch_cod(
    folder: str | Path,
    ids: Iterable[str],
    *,
    revision: str | None = None,
    base_url: str = COD,
    timeout: float = 30.0,
    pause: float = POLITE,
    tick: Callable[[int, int], object] | None = None,
) -> Gathered:
    """Put structures of COD into a folder, each named by its mineral or formula and its number.

    Downloads are kept in `cache_folder()` and in the folder and not requested again. The newest revision is then that
    of the first download. An id that fails never stops the others.

    Args:
        folder: for the CIFs and the manifest; created if missing.
        ids: COD's seven digits, `9015662`, or with a revision, `9015662@176465`.
        revision: for all ids without one; default is the newest.
        base_url: COD's address, or a mirror's.
        timeout: seconds without a byte from the server before it is given up.
        pause: seconds between two requests.
        tick: called with the ids done and their number.

    Returns:
        The CIFs, and one sentence for each id that failed.

    Raises:
        BragglensError: the folder cannot be written to.
    """
    folder, wanted = Path(folder), list(dict.fromkeys(ids))
    origins = read_manifest(folder)
    files, problems, asked = [], [], 0
    for number, text in enumerate(wanted):
        try:
            code, pinned = _code(text, revision)
            kept = _kept(code, pinned, folder, origins)
            if kept is None:
                url = f"{base_url.rstrip('/')}/{code}.cif" + (f"@{pinned}" if pinned else "")
                cached = cache_folder() / "cod" / sha256(url.encode())[:16] / f"{code}.cif"
                if not cached.exists():
                    time.sleep(pause if asked else 0)
                    asked += 1
                    _download(url, code, cached, timeout, pause)
                kept = _place(folder, cached, url, code, pinned, origins)
                write_manifest(folder, origins)
            files.append(kept)
        except BragglensError as error:
            problems.append(str(error))
        if tick:
            tick(number + 1, len(wanted))
    return Gathered(tuple(files), tuple(problems))


def search_cod(
    *,
    elements: Elements | None = None,
    text: str | None = None,
    base_url: str = COD,
    timeout: float = 30.0,
    pause: float = POLITE,
) -> tuple[str, ...]:
    """Numbers of the structures that COD's search finds.

    The parameters are those of COD's search form: `el1` and so on for required elements, `nel1` for excluded ones,
    `strictmin` and `strictmax` for their number, `text` for words of title, names and authors.

    Args:
        elements: a choice as `read_choice` understands it. `Ti,O` finds structures of titanium and oxygen or
            one of the two; `-Fe` excludes iron.
        text: words to search for.
        base_url: COD's address, or a mirror's.
        timeout: seconds without a byte from the server before it is given up.
        pause: seconds between two requests.

    Raises:
        BragglensError: an empty query, the server cannot be reached, its answer is no list of numbers, or nothing is
            found.
    """
    chosen = read_choice(elements)
    if not chosen.only and not chosen.never and not (text or "").strip():
        raise FetchError("the COD search is empty: give numbers, --elements Ti,O, or --query TEXT")
    found: set[str] = set()
    for number, held in enumerate(_subsets(chosen.only)):
        time.sleep(pause if number else 0)
        asked = {f"el{place}": element for place, element in enumerate(held, 1)}
        asked |= {f"nel{place}": element for place, element in enumerate(chosen.never, 1)}
        asked |= {"strictmin": str(len(held)), "strictmax": str(len(held))} if held else {}
        asked |= {"text": text.strip()} if text and text.strip() else {}
        found |= _numbers(f"{base_url.rstrip('/')}/result?{urlencode(asked | {'format': 'lst'})}", timeout)
    if not found:
        raise FetchError("COD's search finds no such structure: use other elements or words, or give numbers")
    return tuple(sorted(found))


def _subsets(elements: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Each combination of the elements, since COD's search takes required elements; one empty set for all."""
    if len(elements) > MOST_ELEMENTS:
        raise FetchError(f"{len(elements)} elements are too many for a search of COD: give up to {MOST_ELEMENTS}")
    return [held for size in range(1, len(elements) + 1) for held in combinations(elements, size)] or [()]


def _numbers(url: str, timeout: float) -> set[str]:
    answer = fetch(url, limit=LARGEST_LIST, timeout=timeout).decode("utf-8", errors="replace").split()
    if not all(re.fullmatch(r"\d{7}", one, re.ASCII) for one in answer):
        raise FetchError(f"{url}: the answer is not a list of COD numbers: try again later, or give the numbers")
    return set(answer)


def _code(text: str, revision: str | None) -> tuple[str, str]:
    """Seven digits and the revision, '' for the newest."""
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise FetchError(f"'{text}' is not a COD number: give seven digits such as 9015662, or 9015662@176465")
    if revision and not re.fullmatch(r"\d{1,9}", revision, re.ASCII):
        raise FetchError(f"revision '{revision}' is not a number: give one such as 176465")
    return match[1], match[2] or revision or ""


def _kept(code: str, pinned: str, folder: Path, origins: dict[str, Origin]) -> Path | None:
    """The unchanged file in the folder, if there is one."""
    for origin in origins.values():
        path = folder / origin.file
        same = origin.source == "COD" and origin.id == code and pinned in ("", origin.revision)
        if same and path.exists() and sha256(cif_content(path)) == origin.sha256:
            return path
    return None


def _download(url: str, code: str, cached: Path, timeout: float, pause: float) -> None:
    """Download a CIF into the cache, after checking that it is the requested one."""
    content = fetch(url, limit=MAX_FILE_SIZE, timeout=timeout, pause=pause)
    text = content.decode("utf-8", errors="replace")
    if "_cell_length_a" not in text or not re.search(r"^data_", text, re.MULTILINE):
        raise FetchError(f"{url}: the answer is not a CIF of a structure: check the number, or try again later")
    stated = re.search(r"^_cod_database_code\s+'?(\d+)", text, re.MULTILINE)
    if stated and stated[1] != code:
        raise FetchError(f"{url}: the answer is COD {stated[1]}, not {code}: check the address")
    with whole_file(cached) as file:
        file.write(content)


def _place(folder: Path, cached: Path, url: str, code: str, pinned: str, origins: dict[str, Origin]) -> Path:
    """Copy a CIF from the cache to the folder, where it can be read as a phase."""
    content = cif_content(cached)
    text = content.decode("utf-8", errors="replace")
    phase = parse_cif(text, code, where=f"COD {code}")
    named, revised = _NAME.search(text), _REVISION.search(text)
    called = named[1] if named else phase.formula.replace(" ", "")
    origin = Origin(
        file=f"{file_name(called)}_{code}.cif",
        source="COD",
        id=code,
        revision=pinned or (revised[1] if revised else ""),
        url=url,
        date=datetime.fromtimestamp(cached.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        sha256=sha256(content),
        formula=phase.formula,
        space_group=phase.space_group,
        reference=phase.source,
    )
    return put(folder, content, origin, origins)
