"""Files made to cause harm: they expand, nest, loop, name other files, contain too many items, or are not files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attack_inputs import SHARED, Named, sound_files  # before the next import: it defines the path
from made import zipped
from test_attack import (
    BOMBS,
    ODD_NAMES,
    external,
    hdf5,
    link_to_itself,
    linked,
    loop_of_hard,
    loop_of_soft,
    measurements,
    virtual,
    workbook,
)
from test_attack import SHARED as CELL_OF_TEXT
from test_attack import zipped as archive
from test_cif_dialects import ALL, CELL, EDGE, GOOD, PYMATGEN, large, operations, sites


def crafted_cifs() -> Iterator[Named]:
    """Structures without a powder pattern, with too many items, or with numbers that are not sizes."""
    random = np.random.default_rng(1)
    for edge, most in ((30.0, 1000), (64.0, 10_000)):
        side = round(most ** (1 / 3) + 0.5)
        places = np.array(list(np.ndindex(side, side, side)))[:most]
        atoms = (places + random.uniform(-0.02, 0.02, (most, 3))) / side
        yield f"{most} atoms in P 1.cif", large(edge, "P 1", [tuple(atom) for atom in atoms]).encode()
    crowd = [tuple(atom) for atom in random.uniform(0, 1, (2000, 3))]
    yield "2000 sites in Fm-3m.cif", large(40.0, "F m -3 m", crowd).encode()
    yield "2000 sites in a large Fm-3m.cif", large(160.0, "F m -3 m", crowd).encode()
    shifts = [f"x+{a}/24,y+{b}/24,z+{c}/24" for a, b, c in np.ndindex(24, 24, 24)]
    yield "13824 translations.cif", f"data_x\n{CELL}\n{operations(group=shifts)}\n{sites(PYMATGEN, ALL)}\n".encode()
    yield "cube of 210.cif", large(210.0, "P 1", [(0, 0, 0)]).encode()
    yield "cube of 120.cif", large(120.0, "P 1", [(0, 0, 0)]).encode()
    yield "all atoms at one place.cif", large(55.0, "P 1", [(0.1, 0.1, 0.1)] * 10_000).encode()
    yield "long.cif", (GOOD + "# " + "x" * 20_000_000).encode()
    yield "many tags.cif", (GOOD + "".join(f"_own_{i} {i}\n" for i in range(200_000))).encode()
    yield "many blocks.cif", (GOOD * 2000).encode()
    for word in ("1e308", "-1e308", "nan", "inf", "1e-320", "9" * 400, "0"):
        yield f"place {word[:9]}.cif", GOOD.replace(".25 .25 .25", f"{word} .25 .25").encode()
        yield f"edge {word[:9]}.cif", GOOD.replace(str(EDGE), word, 1).encode()
    for path in sorted((SHARED / "cases" / "attack" / "cifs").glob("*.cif")):
        yield path.name, path.read_bytes()


def crafted_scans() -> Iterator[Named]:
    """Scans that expand, nest, or name other files; by names of members, in HDF5, in XML."""
    for name, (make, _) in BOMBS.items():
        yield name, make()
    yield "8 kB.xlsx", workbook(CELL_OF_TEXT * 256, text="a" * 8 * 2**20)
    yield "20 kB.xlsx", workbook(CELL_OF_TEXT * 200, 1000, text="a" * 4 * 2**20)
    yield "170 kB.xrdml", measurements("<xrdMeasurement>" * 1000 + "<scan/>" * 20_000 + "</xrdMeasurement>" * 1000)
    entities = "".join(f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(9))
    entities = f"<!DOCTYPE a [<!ENTITY a0 'aaaaaaaaaa'>{entities}]><xrdMeasurements>&a9;</xrdMeasurements>"
    yield "entities.xrdml", entities.encode()
    for number, name in enumerate(ODD_NAMES):
        for place in ("xl__worksheets__sheet{}", "Data{}__Profile{}", "{}__RawData{}"):
            member = place.format(name[:30_000], name[:30_000])
            members = dict.fromkeys(("xl__workbook", "a__RawData0", member), "<a/>")
            yield f"name {number} in {place[:4]}", archive(**members)
    yield "huge step.xy", b"10 1\n20 2\n1e308 3\n" * 20
    yield "a line.xy", b"1 " * 4_000_000
    yield "lines.xy", b"1 2\n" * 3_000_000
    yield "zeros.xy", b"0\n" * 2_000_000
    yield "nothing.bin", bytes(8 * 2**20)
    yield "brackets.json", b"[" * 2_000_000
    yield "{.json", b'{"two_theta":' * 300_000


def crafted_hdf5(folder: Path) -> Iterator[Named]:
    """NeXus files that name others, or loop. The named file is one of our own."""
    secret = folder / "secret"
    secret.write_bytes(b"secret" * 100)
    changes = {
        "external": external(str(secret)),
        "virtual": virtual(str(secret)),
        "linked": linked(str(secret)),
        "soft": loop_of_soft,
        "hard": loop_of_hard,
        "itself": link_to_itself,
    }
    for name, change in changes.items():
        yield f"{name}.nxs", hdf5(folder / "crafted.nxs", change).read_bytes()


NAMES = (
    "../../../escaped",
    "<script>alert(1)</script>",
    "\x1b[31mred",
    "",
    "x" * 20_000,
    "a\nb",
    "CON",
    "=1+1",
    "\u202e",
)


def crafted_names(folder: Path) -> Iterator[Named]:
    """Libraries and models with phase names that are paths, markup, or terminal codes."""
    library, model = sound_files(folder)
    for name in NAMES:
        said = json.dumps(name)[1:-1].encode()
        for kind, sound in (("odd.library", library), ("odd.bragglens", model)):
            parts = {
                part: held.replace(b"rutile", said) if part.endswith("json") else held for part, held in sound.items()
            }
            yield kind, zipped(parts)


def no_files(folder: Path) -> Iterator[Named]:
    """Paths that are not files, or far too large: a pipe, a device without end, an empty file of 6 GB."""
    for suffix in (".xy", ".cif", ".xrdml"):
        room = folder / suffix[1:]
        room.mkdir()
        os.mkfifo(room / f"pipe{suffix}")
        (room / f"zero{suffix}").symlink_to("/dev/zero")
        (room / f"huge{suffix}").touch()
        os.truncate(room / f"huge{suffix}", 6 * 2**30)
        for path in sorted(room.iterdir()):
            yield str(path), str(path).encode()
