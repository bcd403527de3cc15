import io
import json
import os
import resource
import stat
from dataclasses import replace

import pytest
from rich.console import Console

from bragglens.crystal.cell import Cell
from bragglens.errors import BragglensError
from bragglens.identification.answer import Finding, Identification, document
from bragglens.report.details import print_answers
from bragglens.report.words import (
    cell_constants,
    limits,
    limits_asked,
    percent,
    probability,
    scores_table,
    sentence,
    short_names,
    shorten,
    size,
    table,
    write_file,
    write_json,
    write_text,
)

PROBABILITIES = {"anatase": 0.9984, "rutile": 0.212, "brookite": 0.00001}
SENTENCE = (
    "long folder name/fifth.raw: is binary and of an unknown format: export the scan as text with two "
    "columns, 2θ and intensity (.xy), from the program that wrote it"
)
ANSWERS = [
    Identification("a/first.xy", "m", "known", (Finding("anatase", 0.9984),), PROBABILITIES, 0.021),
    Identification(
        "a/second.xy",
        "m",
        "tentative",
        (Finding("anatase", 0.9984), Finding("rutile", 0.8, rivals=("tio2_B",))),
        PROBABILITIES,
        0.1,
    ),
    Identification("a/third.xy", "m", "partly unknown", (Finding("rutile", 0.7),), PROBABILITIES, 0.9),
    Identification("a/fourth.xy", "m", "unknown", (), {"anatase": 0.1, "rutile": 0.212}, 0.9999999),
    Identification("long folder name/fifth.raw", "m", None, error=SENTENCE),
]


def printed(answers: list[Identification], *, width: int = 80, terminal: bool = False) -> str:
    stream = io.StringIO()
    table(answers, console=Console(file=stream, width=width, force_terminal=terminal, color_system=None))
    return stream.getvalue()


def row(text: str, file: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(file))


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("terminal", [False, True])
def test_the_table_has_every_complete_answer(width: int, terminal: bool) -> None:
    text = printed(ANSWERS, width=width, terminal=terminal)
    assert row(text, "first.xy").split() == ["first.xy", "known", "anatase", "0.998", "0.021"]
    assert row(text, "second.xy").split()[1:] == ["tentative", "anatase", "0.998", "0.100"]
    assert row(text, "rutile or tio2_B").split()[-1] == "0.800"
    assert "partly unknown" in row(text, "third.xy")
    assert row(text, "fourth.xy").split()[2:] == ["nearest:", "rutile", "0.212", ">0.999"]
    assert row(text, "fifth.raw").split() == ["fifth.raw", "error", "–"]
    assert SENTENCE in " ".join(text.split())


def test_lines_fit_into_80_columns() -> None:
    assert max(map(len, printed(ANSWERS, terminal=True).splitlines())) <= 80


def test_a_pipe_gets_each_error_on_one_line() -> None:
    assert SENTENCE in printed(ANSWERS).splitlines()


def test_verdicts_are_coloured() -> None:
    stream = io.StringIO()
    answers = [*ANSWERS, replace(ANSWERS[1], verdict="mixture")]
    table(answers, console=Console(file=stream, width=80, force_terminal=True, color_system="standard"))
    for verdict, code in (
        ("known", 32),
        ("mixture", 32),
        ("tentative", 36),
        ("partly unknown", 33),
        ("unknown", 35),
        ("error", 31),
    ):
        assert f"\x1b[{code}m{verdict}" in stream.getvalue()


def test_no_column_for_phases_outside_the_library_if_not_detectable() -> None:
    answer = Identification("a.xy", "m", "known", (Finding("anatase", 0.9984),), PROBABILITIES, None)
    assert "outside" in printed(ANSWERS)
    assert "outside" not in printed([answer])
    assert "cannot detect" in sentence(answer)


def test_control_characters_of_file_names_are_not_printed() -> None:
    name = "[red]x[bold] \x1b[31m\n.xy"
    text = printed([Identification(name, "m", "known", (Finding("anatase", 0.9),), PROBABILITIES)])
    assert "[red]x[bold] \ufffd[31m\ufffd.xy" in text
    assert "\x1b" not in text


def test_an_error_names_its_file() -> None:
    assert "f.xy: half of it is missing" in printed([Identification("f.xy", "m", None, error="half of it is missing")])


def test_a_note_of_many_scans_is_printed_once() -> None:
    answers = [Identification(f"{i}.xy", "m", "known", notes=("the angles descend: reversed",)) for i in range(3)]
    text = printed([*answers, Identification("other.xy", "m", "known", notes=("used columns 1 and 3",))])
    assert text.count("reversed") == 1
    assert "3 scans: the angles descend: reversed" in text
    assert "other.xy: used columns 1 and 3" in text


def test_no_probability_is_certain() -> None:
    shown = [probability(p) for p in (1.0, 0.9996, 0.9994, 0.5, 0.0006, 0.0)]
    assert shown == [">0.999", ">0.999", "0.999", "0.500", "0.001", "<0.001"]


def test_names_are_shortened_in_the_middle() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghijk", 10) == "abcd…ghijk"
    assert len(shorten("x" * 99, 24)) == 24


def test_shortened_names_stay_distinct() -> None:
    assert short_names(["a/x.xy", "b/y.xy"], 24) == ["x.xy", "y.xy"]
    assert short_names(["a/x.xy", "b/x.xy"], 24) == ["a/x.xy", "b/x.xy"]
    one, other = "sample_long_name_A_second_half.xy", "sample_long_name_B_second_half.xy"
    assert short_names([one, other], 16) == [one, other]


def test_sentences_state_the_verdict() -> None:
    known, tentative, partly, unknown, error = map(sentence, ANSWERS)
    assert known.startswith("One phase of the library found: anatase (probability 0.998).")
    assert tentative.startswith(
        "Probable, not certain: anatase (probability 0.998) and rutile or tio2_B (probability 0.80"
    )
    assert sentence(replace(ANSWERS[1], verdict="mixture")).startswith("2 phases of the library found: anatase (prob")
    assert "outside the library" in partly
    assert "No phase of the library was found; the nearest is rutile (probability 0.212)" in unknown
    assert unknown.endswith(">0.999.")
    assert SENTENCE in error


FITTED = [
    Identification(
        "first.xy",
        "m",
        "tentative",
        (Finding("anatase", 0.9984, 61.23, 1.5), Finding("rutile", 0.8, 38.77, 1.5, rivals=("tio2_B",))),
        PROBABILITIES,
        unexplained=0.021,
        rwp=0.084,
        goodness=1.3,
    ),
    Identification("second.xy", "m", "unknown", (), PROBABILITIES, unexplained=0.93, rwp=0.4, goodness=9.0),
    Identification("third.xy", "m", "known", (Finding("rutile", 0.9, 100.0, 0.0),), unexplained=0.0, rwp=0.1),
    ANSWERS[-1],
]


@pytest.mark.parametrize("width", [80, 140])
def test_a_fitted_batch_has_fractions_and_residuals(width: int) -> None:
    text = printed(FITTED, width=width, terminal=True)
    assert row(text, "first.xy").split() == ["first.xy", "tentative", "anatase", "61.2", "±", "1.5", "0.998", "8.4%"]
    assert row(text, "rutile or tio2_B").split()[3:] == ["38.8", "±", "1.5", "0.800"]
    assert row(text, "second.xy").split() == ["second.xy", "unknown", "network:", "anatase", "0.998", "40.0%"]
    assert row(text, "unexplained").split() == ["unexplained", "93.0%"]
    assert row(text, "third.xy").split() == ["third.xy", "known", "rutile", "100.0", "0.900", "10.0%"]
    assert max(map(len, text.splitlines())) <= width


def test_sentences_of_fitted_scans() -> None:
    mixture, unknown, known, _ = map(sentence, FITTED)
    assert "anatase (61.2 ± 1.5 wt%, probability 0.998) and rutile or tio2_B (38.8 ± 1.5 wt%" in mixture
    assert "2.1% of the intensity of all peaks is unexplained" in mixture
    assert "the network proposes anatase (probability 0.998), but the fit does not confirm it" in unknown
    assert "93.0% of the intensity of all peaks is unexplained" in unknown
    assert "found: rutile (probability 0.900)." in known
    assert "wt%" not in known
    part = replace(FITTED[2], amorphous_percent=40.0, amorphous_percent_error=5.0)
    assert "100.0 wt%" in sentence(part)
    assert "Of the specimen 40.0 ± 5.0 wt% are amorphous" in sentence(part)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell(5.4312, 5.4312, 5.4312, 90.0, 90.0, 90.0, "cubic"), ["a 5.431"]),
        (Cell(3.7848, 3.7848, 9.5124, 90.0, 90.0, 90.0, "tetragonal"), ["a 3.785", "c 9.512"]),
        (Cell(4.7589, 4.7589, 12.991, 90.0, 90.0, 120.0, "trigonal"), ["a 4.759", "c 12.991"]),
        (Cell(5.14, 5.14, 5.14, 55.3, 55.3, 55.3, "trigonal"), ["a 5.140", "α 55.30"]),
        (Cell(9.174, 5.449, 5.138, 90.0, 90.0, 90.0, "orthorhombic"), ["a 9.174", "b 5.449", "c 5.138"]),
        (Cell(5.0, 5.0, 7.0, 90.0, 90.0, 90.0, "orthorhombic"), ["a 5.000", "b 5.000", "c 7.000"]),
        (Cell(12.1787, 3.7412, 6.5249, 90.0, 107.054, 90.0, "monoclinic"),
         ["a 12.179", "b 3.741", "c 6.525", "β 107.05"]),
        (Cell(5.0, 6.0, 7.0, 90.0, 90.0, 100.0, "monoclinic"), ["a 5.000", "b 6.000", "c 7.000", "γ 100.00"]),
        (Cell(8.1, 12.8, 7.1, 93.5, 116.2, 89.9),
         ["a 8.100", "b 12.800", "c 7.100", "α 93.50", "β 116.20", "γ 89.90"]),
        (None, []),
    ],
)  # fmt: skip
def test_a_cell_is_shown_by_its_free_constants(cell, shown: list[str]) -> None:
    assert cell_constants(cell) == shown


def test_sizes_limits_and_shares() -> None:
    assert [size(nm) for nm in (None, 4.26, 9.97, 61.3, 200.5)] == ["–", "4.3", "10", "61", ">200"]
    assert [percent(share) for share in (None, 0.0, 0.0837, 1.0)] == ["–", "0.0%", "8.4%", "100.0%"]
    assert limits({}) == ""
    assert limits({"b": 2.0, "a": 0.31}) == "not found, with detection limit: a 0.3 wt%, b 2.0 wt%"
    many = limits({f"p{i}": float(i) for i in range(1, 12)})
    assert "11 phases" in many
    assert "from 1.0 wt% (p1) to 11.0 wt% (p11), half of them below 6.0 wt%" in many


SCORES = {
    "scans": 40,
    "errors": 1,
    "first_right": 0.975,
    "exact_set": 1.0,
    "rejected": None,
    "confident_wrong": 2,
    "false_phases": 3,
    "missed_phases": 0,
    "fraction_error": 4.26,
    "seconds": 0.0123,
}


@pytest.mark.parametrize("width", [80, 140])
def test_scores_are_in_their_columns(width: int) -> None:
    stream = io.StringIO()
    empty = dict.fromkeys(SCORES) | {"scans": 3, "confident_wrong": 0, "false_phases": 0, "missed_phases": 0}
    scores_table({"single_rockjock": SCORES, "foreign": empty}, console=Console(file=stream, width=width))
    text = stream.getvalue()
    assert row(text, "single_rockjock ").split()[1:] == ["40", "97.5%", "100%", "–", "2", "3", "0", "4.3", "0.012"]
    assert row(text, "foreign").split()[1:] == ["3", "–", "–", "–", "0", "0", "0", "–", "–"]
    assert "single_rockjock: 1 of 40 scans could not be identified" in text


def test_json_is_read_back(tmp_path) -> None:
    answers = [*ANSWERS, Identification("not UTF-8 \udcff.xy", "m", None, error="2θ")]
    write_json(document("m", answers), tmp_path / "new" / "a.json")
    data = (tmp_path / "new" / "a.json").read_bytes()
    assert json.loads(data.decode("utf-8")) == json.loads(json.dumps(document("m", answers)))
    assert "2θ".encode() in data
    assert data.endswith(b"}\n")


def test_json_to_the_standard_output(capfdbinary) -> None:
    write_json({"axis": "2θ"}, "-")
    assert capfdbinary.readouterr().out == '{\n "axis": "2θ"\n}\n'.encode()


@pytest.mark.parametrize("bad", [{"p": float("nan")}, {"p": {1, 2}}])
def test_invalid_json_values_keep_the_old_file(tmp_path, bad) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(BragglensError, match="cannot be written as JSON"):
        write_json(bad, path)
    assert path.read_text() == "old"


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))  # like a full disk, in the middle of the file
    try:
        with pytest.raises(BragglensError, match=r"a\.json: cannot be written \(file too large\)"):
            write_file(b"new content" * 10000, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]
    write_file(b"new content", path)
    assert path.read_text() == "new content"


def test_text_is_written_in_utf8(tmp_path) -> None:
    write_text("2θ \udcff\n", tmp_path / "a.html")
    assert (tmp_path / "a.html").read_bytes() == "2θ ?\n".encode()


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_file(b"new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(b"new", tmp_path / "pipe")
    assert os.read(reader, 10) == b"new"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["", "file/under/a/file", "zero\0byte"])
def test_an_impossible_path_is_one_sentence(tmp_path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BragglensError, match="cannot be written"):
        write_file(b"", tmp_path / name)


RUTILE = Finding("rutile", 0.95, 60.0, 2.0, formula="TiO2", space_group="P 42/m n m")
STRUCTURED = replace(FITTED[0], phases=(RUTILE, replace(RUTILE, name="TiO2")))


def test_formula_and_space_group_of_each_phase() -> None:
    assert "rutile (TiO2, P 42/m n m, 60.0 ± 2.0 wt%, probability 0.950)" in sentence(STRUCTURED)
    assert "TiO2 (P 42/m n m, 60.0" in sentence(STRUCTURED)  # a name that is the formula is not repeated
    text = printed([STRUCTURED, STRUCTURED])
    assert text.count("rutile: TiO2, P 42/m n m") == 1


def test_sentence_about_isostructural_neighbours() -> None:
    answer = replace(FITTED[1], relatives=(replace(RUTILE, probability=0.3, strain=0.012),))
    said = sentence(answer)
    assert "was found" not in said
    assert said.startswith("No phase is named: rutile (TiO2, P 42/m n m, lattice strained by up to 1.2%")
    assert "at least as likely" in said
    assert "was found" not in sentence(replace(FITTED[2], relatives=answer.relatives)).split("Besides, ")[1]


def test_improbable_phases_are_not_shown() -> None:
    hardly = replace(FITTED[1], probabilities={"anatase": 0.0009, "rutile": 0.0001})
    assert "anatase" not in sentence(hardly)
    assert "network" not in printed([hardly, FITTED[2]])
    assert "anatase" in sentence(replace(hardly, probabilities={"anatase": 0.001}))


def test_limits_of_requested_phases_are_printed() -> None:
    many = replace(FITTED[2], detection_limits={f"p{i}": 1.0 for i in range(6)})
    assert limits_asked(many).startswith("limits of detection of 6 phases: see the JSON")
    assert limits_asked(replace(many, options={"elements": "-Fe"})).startswith("limits of detection of 6")
    assert limits_asked(replace(many, options={"elements": "Ti,O,-Fe"})).startswith(
        "6 phases not found, with detection limits"
    )
    assert limits_asked(replace(many, detection_limits={"brookite": 0.8})).endswith("brookite 0.8 wt%")


@pytest.mark.parametrize("width", [80, 120])
def test_no_heading_is_broken(width: int) -> None:
    stream = io.StringIO()
    long = replace(
        STRUCTURED, phases=(replace(RUTILE, name="a very long name of a phase", cell=Cell(*(9.0,) * 3, *(91.0,) * 3)),)
    )
    print_answers([long], console=Console(file=stream, width=width))
    head = stream.getvalue().splitlines()[1].split()
    assert head == ["phase", "wt%", "prob.", "before", "evid.", "R", "without", "size", "cell"]
    assert max(map(len, stream.getvalue().splitlines()[:8])) <= width


def test_short_form_of_an_answer() -> None:
    answer = STRUCTURED
    assert str(answer) == f"first.xy: {sentence(answer)}"
    assert str(ANSWERS[-1]).count("fifth.raw") == 1
    assert repr(answer) == "Identification('first.xy': tentative, rutile, TiO2)"
    assert answer["rutile"] is answer.phases[0]
    assert "rutile" in answer
    assert "anatase" not in answer
    with pytest.raises(BragglensError, match="'anatase' was not found in it, but rutile, TiO2"):
        answer["anatase"]
