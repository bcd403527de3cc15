"""Write the table of Wyckoff positions: `python library/wyckoff.py`, with bragglens and spglib installed.

Letters and first positions are those of International Tables for Crystallography A, in the reference setting of each
space group, as listed by pyxtal (MIT licence). pip downloads it without installing it. Each position is checked with
the operations of gemmi: the number of its images must be that of the row.
"""

from __future__ import annotations

import ast
import csv
import io
import re
import string
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import gemmi
from origin_one import first_origins

from bragglens.crystal.wyckoff import images_of, reference_setting

TABLE = Path(__file__).resolve().parent.parent / "src" / "bragglens" / "data" / "wyckoff.txt"
SOURCE = "pyxtal==1.1.5"
LETTERS = string.ascii_lowercase + "A"  # P m m m has one letter more than the alphabet
TRY = (0.1234, 0.2718, 0.3827)  # x, y, z of a general position


def main() -> None:
    """Download, check and write the table."""
    lines = [line for number, rows in enumerate(_rows()) if number for line in [_line(number, rows)]]
    TABLE.write_text("\n".join(lines) + "\n")
    lines += first_origins()
    TABLE.write_text("\n".join(lines) + "\n")
    print(f"{TABLE}  {len(lines)} settings, {sum(line.count(' ') for line in lines)} positions")


def _rows() -> list[list[list[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, SOURCE]
        subprocess.run(command, check=True)
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read("pyxtal/database/wyckoff_list.csv").decode()
    cells = [row[1] for row in csv.reader(io.StringIO(text))][1:]
    return [ast.literal_eval(cell) if cell else [] for cell in cells]


def _line(number: int, rows: list[list[str]]) -> str:
    """The positions of a group from `a` on: `a=x,0,2/3`."""
    group = reference_setting(number)
    parts = []
    for letter, row in zip(LETTERS, reversed(rows), strict=False):
        triplet = re.sub(r"(\d)([xyz])", r"\1*\2", row[0].replace(" ", ""))
        position = gemmi.Op(triplet).apply_to_xyz(list(TRY))
        found = images_of(position, group)
        if found != len(row):
            raise SystemExit(f"{number} {letter} {triplet}: {found} images, {len(row)} are listed")
        parts.append(f"{letter}={triplet}")
    return f"{number} {' '.join(parts)}"


if __name__ == "__main__":
    main()
