"""File names that are safe everywhere, and files that are written completely, with other writers and after failures."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from child_processes import started
from full_disk import full_disk
from hypothesis import given
from hypothesis import strategies as st

from bragglens import files
from bragglens.crystal.provenance import Origin, file_name, put
from bragglens.errors import BragglensError
from bragglens.files import partial_of, safe_name, whole_file

NASTY = [
    *(
        "../../x",
        "/etc/passwd",
        "C:\\Windows\\x",
        "\\\\server\\share",
        "a/b",
        "..",
        ".",
        "",
        " ",
        "...",
        "con",
        "CON.txt",
    ),
    *("nul", "aux.cif", "com1", "LPT9.tar.gz", "com¹", "conin$", "a:stream", "a?b*c", 'say "x"', "<b>", "a|b", "end. "),
    *(
        "a\0b",
        "a\nb",
        "\x1b[31mred",
        "\x9b31m",
        "\u202efdp.exe",
        "\ud800",
        "caf\udce9",
        "x" * 300,
        "Å" * 200,
        "相" * 100,
    ),
    *("🙂" * 80, "a\u00a0b", "\ttab", "\u2028"),
]


def is_safe(name: str) -> bool:
    """By the rules of Windows, which are the strictest, and 255 bytes."""
    device = re.fullmatch(
        r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", name.split(".")[0].rstrip()
    )
    refused = any(letter in '/\\:*?"<>|' or not letter.isprintable() for letter in name)
    return 0 < len(name.encode()) <= 240 and not device and not refused and name[-1] not in ". "


@pytest.mark.parametrize("suffix", ["", ".cif", ".json"])
@pytest.mark.parametrize("name", NASTY)
def test_any_name_gives_a_safe_file_name(name: str, suffix: str, tmp_path: Path) -> None:
    made = safe_name(name, suffix)
    assert is_safe(made)
    assert made.endswith(suffix)
    with whole_file(tmp_path / made) as file:
        file.write(b"1")
    assert [path.name for path in tmp_path.iterdir()] == [made]


@given(st.text(st.characters()), st.sampled_from(["", ".cif"]))
def test_any_name(name: str, suffix: str) -> None:
    assert is_safe(safe_name(name, suffix))


def test_different_names_give_different_files() -> None:
    assert len({safe_name(name, ".cif") for name in NASTY}) == len(NASTY)
    assert safe_name("x" * 300) != safe_name("x" * 301)
    for name in (
        "rutile",
        "scan 1 (b).xy",
        "Stillwellite-(La)",
        "Ångström.xy",
        "condensed",
        "scan.xy#2",
        string.digits,
    ):
        assert safe_name(name, ".json") == f"{name}.json"


def test_names_of_cifs_are_unchanged() -> None:
    assert file_name("Titanite_MnSi2O5") == "Titanite_MnSi2O5"
    assert file_name("CO2 [dry ice]") == "CO2_dry_ice"
    assert file_name("../..") == "phase"
    for name in NASTY:
        assert len(f"{file_name(name)}_{file_name(name)}.cif".encode()) < 255
        assert is_safe(file_name(name))


def test_a_record_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    for number, name in enumerate(NASTY):
        put(tmp_path / "cifs", b"%d" % number, Origin(f"{file_name(name)}_{number}.cif", "S", str(number)), {})
    assert [path.name for path in tmp_path.iterdir()] == ["cifs"]
    assert len(list((tmp_path / "cifs").iterdir())) == len(NASTY)


WRITE = """
import sys
from pathlib import Path
from bragglens.files import whole_file
for _ in range(60):
    with whole_file(sys.argv[1]) as file:
        for _ in range(20):
            file.write(sys.argv[2].encode() * 4096)
            file.flush()
"""


def test_two_writers_leave_one_complete_file(tmp_path: Path) -> None:
    path, commands = tmp_path / "out.json", [[sys.executable, "-c", WRITE, str(tmp_path / "out.json"), n] for n in "ab"]
    with started(commands[0]) as one, started(commands[1]) as other:
        while one.poll() is None or other.poll() is None:
            if path.exists():
                content = path.read_bytes()
                assert len(content) == 20 * 4096
                assert len(set(content)) == 1
        assert one.returncode == other.returncode == 0
    assert list(tmp_path.iterdir()) == [path]


def test_partial_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mine = partial_of(tmp_path / "b.json")
    left = Path(str(mine).replace(f"-{os.getpid()}-", f"-{int(ended.stdout)}-"))
    foreign = tmp_path / f"c.elsewhere-{int(ended.stdout)}-00000000.partial"
    for path in (mine, left, foreign):
        path.write_bytes(b"half")
    files._tidy.cache_clear()
    with whole_file(tmp_path / "a.json") as file:
        file.write(b"1")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", mine.name, foreign.name}


@pytest.mark.parametrize("name", ["n" * 255, "Å" * 127])
def test_the_longest_name_that_the_disk_takes_can_be_written(name: str, tmp_path: Path) -> None:
    with whole_file(tmp_path / name) as file:
        file.write(b"1")
    assert (tmp_path / name).read_bytes() == b"1"
    with pytest.raises(BragglensError, match="cannot be written"), whole_file(tmp_path / (name + "nn")):
        pass


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    says = r"a\.json: cannot be written \(no space left on device\)"
    with full_disk(), pytest.raises(BragglensError, match=says), whole_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
