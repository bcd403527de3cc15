"""Damaged files, drawn from a seed: scans, structures, models and libraries.

Each is a function of its seed and number, so that any of them can be made again. The intact originals are those of the
other tests, and the shared files of diffractometers if present.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE / room) for room in ("scan", "crystal", "learn"))]

from made import MADE, zipped  # noqa: E402
from odd_json import edited  # noqa: E402
from test_cif_dialects import DIALECTS, GOOD, SLIPS  # noqa: E402
from test_odd_models import BROKEN, handmade, network  # noqa: E402

from bragglens.crystal.library import read_library  # noqa: E402
from bragglens.learn.model import save_model  # noqa: E402
from bragglens.simulate.build import build_library  # noqa: E402

Named = tuple[str, bytes]
Members = dict[str, bytes]
Random = np.random.Generator

TITANIA = str(files("bragglens") / "data" / "titania")
SHARED = HERE.parents[1] / "shared"
_LARGEST_ORIGINAL = 2_000_000  # bytes; a larger file takes more time without another kind of damage

# Values that may replace a number.
WORDS = (
    *("nan", "-nan", "inf", "-inf", "1e308", "-1e308", "1e400", "1e-320", "-0", "0", "-1", "1", "65535", "4294967296"),
    *("9" * 30, "9" * 400, "9" * 5000, "²", "٣", "1_0", "0x1F", "1,5", "1.2.3", "--5", "+", ".", "?", "x", "", "\0"),
    *("1e999999999", "-9999", "360", "180", "1/0", "1/3", "\x1b[31m", "\u2028"),
)
ODD_BYTES = tuple(np.array(value, kind).tobytes() for kind, values in (
    ("<f4", (np.nan, np.inf, -np.inf, 3e38, 1e-40)), ("<f8", (np.nan, np.inf, 1e308, -1e308)),
    ("<i4", (0, -1, 1, 2**31 - 1, 65536)), ("<i2", (0, -1, 32767)),
) for value in values)  # fmt: skip


# --- damage -----------------------------------------------------------------------------------------------------


def flipped(data: bytes, random: Random) -> bytes:
    """1 to 30 bytes changed, half of the times in the first 2000."""
    piece = bytearray(data)
    within = min(len(piece), 2000 if random.random() < 0.5 else len(piece))
    for _ in range(random.choice([1, 3, 30])):
        piece[random.integers(within)] ^= random.integers(1, 256)
    return bytes(piece)


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.integers(len(data))]


def lines_moved(data: bytes, random: Random) -> bytes:
    """Up to 20 lines removed, repeated, or moved."""
    lines = data.splitlines(keepends=True)
    for _ in range(random.choice([1, 3, 20])):
        if not lines:
            break
        line = lines.pop(random.integers(len(lines)))
        place = int(random.integers(len(lines) + 1))
        lines[place:place] = ([], [line], [line] * 2, [line] * 50)[random.integers(4)]
    return b"".join(lines)


def digits_changed(data: bytes, random: Random) -> bytes:
    found = [match.start() for match in re.finditer(rb"\d", data[:200_000])]
    piece = bytearray(data)
    for place in random.permutation(found)[: random.choice([1, 5, 100])]:
        piece[place] = 48 + random.integers(10)
    return bytes(piece)


def numbers_replaced(data: bytes, random: Random) -> bytes:
    """One to three numbers of a text replaced by odd ones, half of the time in the header; or all of one kind."""
    found = list(re.finditer(rb"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", data[:200_000]))
    found = found[:30] if random.random() < 0.5 else found
    if not found:
        return odd_numbers(data, random)
    word = WORDS[random.integers(len(WORDS))].encode()
    if random.random() < 0.1:
        return data.replace(found[random.integers(len(found))][0], word)
    places = sorted(random.choice(len(found), min(len(found), random.integers(1, 4)), replace=False), reverse=True)
    for place in places:
        data = data[: found[place].start()] + word + data[found[place].end() :]
    return data


def odd_numbers(data: bytes, random: Random) -> bytes:
    """A binary number written over the content."""
    odd = ODD_BYTES[random.integers(len(ODD_BYTES))]
    within = min(len(data), 800 if random.random() < 0.7 else len(data))
    place = int(random.integers(within)) // 2 * 2
    return data[:place] + odd + data[place + len(odd) :]


def encoded(data: bytes, random: Random) -> bytes:
    """The same text in another encoding, or decoded with a wrong one."""
    text = data.decode("latin-1")
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: text.encode("utf-16"),
        lambda: text.encode("utf-16-le"),
        lambda: text.encode("utf-32"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: text.encode("utf-8").decode("latin-1").encode("utf-8"),
        lambda: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
        lambda: data.replace(b" ", b"\xa0"),
        lambda: data.replace(b" ", "\u2009".encode()),
        lambda: data.replace(b".", b","),
        lambda: data.replace(b" ", b"\t\t"),
        lambda: data.replace(b"\n", b"\0"),
        lambda: data.upper() if random.random() < 0.5 else data.lower(),
        lambda: text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")).encode(),
    )
    return kinds[random.integers(len(kinds))]()


def nested(data: bytes, random: Random) -> bytes:
    """A part of the file between two marks, repeated many times in sequence or nested."""
    marks = [match.start() for match in re.finditer(rb"[<\[{\n;*_#]", data[:100_000])] or [0]
    begin = marks[random.integers(len(marks))]
    behind = [mark for mark in marks if begin < mark <= begin + 3000] or [min(len(data), begin + 20)]
    end = behind[random.integers(len(behind))]
    times = int(random.choice([2, 30, 1000, 20_000]))
    part = data[begin:end] * min(times, 1 + 2_000_000 // max(1, end - begin))
    return data[:begin] + part + data[end if random.random() < 0.5 else begin :]


def joined(data: bytes, random: Random) -> bytes:
    """The file appended to itself, or with foreign content before or after."""
    strange = random.bytes(int(random.choice([1, 100, 5000])))
    return (data + data, strange + data, data + strange, data * 20)[random.integers(4)]


DAMAGE = (flipped, cut, lines_moved, digits_changed, numbers_replaced, odd_numbers, encoded, nested, joined)


def damaged(data: bytes, random: Random) -> bytes:
    """A file with one kind of damage, sometimes two; in an archive mostly inside one of its members."""
    if zipfile.is_zipfile(io.BytesIO(data)) and random.random() < 0.7:
        return _damaged_within(data, random)
    for _ in range(random.choice([1, 1, 2])):
        data = DAMAGE[random.integers(len(DAMAGE))](data, random) if data else data
    return data


def _damaged_within(data: bytes, random: Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[random.integers(len(members))]
    kind = random.random()
    if kind < 0.05:
        del members[name]
    elif kind < 0.1:
        members[f"{name}{random.choice(['²', '9' * 4301, 'x'])}"] = members.pop(name)
    else:
        members[name] = DAMAGE[random.integers(len(DAMAGE))](members[name] or b" ", random)
    return zipped(members)


def _drawn(originals: Sequence[Named], seed: int, number: int) -> tuple[str, bytes, Random]:
    """The original for a number, in turn, and the random generator of that number."""
    name, data = originals[number % len(originals)]
    return name, data, np.random.default_rng([seed, number])


# --- scans and structures ---------------------------------------------------------------------------------------


def scans(seed: int, count: int) -> Iterator[Named]:
    """Damaged scans of every format."""
    originals = _scans()
    for number in range(count):
        name, data, random = _drawn(originals, seed, number)
        yield name, damaged(data, random)


def _scans() -> list[Named]:
    """Scans of every format, made ones and shared ones in turn, if these are present."""
    made = [
        (f"{reader}.{number}", data) for reader, shapes in MADE.items() for number, data in enumerate(shapes.values())
    ]
    paths = sorted(path for path in (SHARED / "data" / "formats").glob("*/*") if path.is_file())
    found = [(path.name, path.read_bytes()) for path in paths if path.stat().st_size < _LARGEST_ORIGINAL]
    return [*made, *found]


def cifs(seed: int, count: int) -> Iterator[Named]:
    """Damaged CIFs of every dialect."""
    originals = _cifs()
    for number in range(count):
        name, data, random = _drawn(originals, seed, number)
        yield name, damaged(data, random)


def _cifs() -> list[Named]:
    """CIFs of the package, the dialects of the tests, and every 20th of the shared structures if present."""
    written = {"good": GOOD} | {name: "\n".join(parts) for name, parts in DIALECTS.items()}
    written |= {name: text for name, (text, _) in SLIPS.items()}
    paths = [*sorted(Path(TITANIA).glob("*.cif")), *sorted((SHARED / "data" / "phases").glob("*/*.cif"))[::20]]
    return [
        *((f"{name}.cif", text.encode()) for name, text in written.items()),
        *((path.name, path.read_bytes()) for path in paths),
    ]


# --- models and libraries ---------------------------------------------------------------------------------------


def sound_files(folder: Path) -> tuple[Members, Members]:
    """The members of a library of the five titania phases, and of a handmade model of them."""
    build_library(TITANIA, folder / "sound.library")
    save_model(handmade(read_library(TITANIA)), folder / "sound.bragglens")
    return _members(folder / "sound.library"), _members(folder / "sound.bragglens")


def _members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def model_and_library_files(seed: int, count: int, folder: Path) -> Iterator[Named]:
    """Libraries and models in turn, with edits that keep the archives intact, and with damage."""
    library, model = sound_files(folder)
    for number in range(count):
        random = np.random.default_rng([seed, number])
        kind, sound = (("odd.library", library), ("odd.bragglens", model))[number % 2]
        yield kind, _odd_file(sound, random)


def _odd_file(sound: Members, random: Random) -> bytes:
    names = list(sound)
    name = names[random.integers(len(names))]
    kind = random.random()
    if kind < 0.1:
        return damaged(zipped(sound), random)
    if kind < 0.15:
        return zipped({other: content for other, content in sound.items() if other != name})
    if name.endswith(".json"):
        return zipped(sound | {name: json.dumps(edited(json.loads(sound[name]), random)).encode()})
    if name.endswith(".npy"):
        return zipped(sound | {name: _odd_table(sound[name], random)})
    manifest = json.loads(sound["manifest.json"])
    odd = _odd_network(sound[name], random)
    manifest["network_sha256"] = sha256(odd).hexdigest()  # so that it is read
    return zipped(sound | {name: odd, "manifest.json": json.dumps(manifest).encode()})


def _odd_table(content: bytes, random: Random) -> bytes:
    table = np.load(io.BytesIO(content))
    one = table.copy()
    one.flat[random.integers(one.size)] = random.choice([np.nan, np.inf, -1.0, 0.0, 1e30, -1e-30])
    odd: tuple[Any, ...] = (
        *(one, one, one, table * np.nan, table * 0, -table, table * 1e6, table[:-1], table[..., :-1], table.T),
        *(table.astype(float), table.astype("U8"), table.astype(complex), table[None], table.astype(">f4"), table[:0]),
    )
    stream = io.BytesIO()
    np.save(stream, odd[random.integers(len(odd))])
    return stream.getvalue() if random.random() < 0.8 else flipped(stream.getvalue(), random)


def _odd_network(content: bytes, random: Random) -> bytes:
    if random.random() < 0.5:
        return (flipped, cut, nested, joined)[random.integers(4)](content, random)
    model = network()
    change, _ = BROKEN[random.integers(len(BROKEN))]
    change(model)
    return bytes(model.SerializeToString())
