from __future__ import annotations

from pathlib import Path

import pytest

from bragglens.errors import ScanError
from bragglens.identification.answer import Finding, Identification, Verdict
from bragglens.identification.evaluate import Judged, Label, evaluation, read_alike, read_manifest, scores
from bragglens.learn.model import Model

HEAD = "file,set,phases,weight_percent,wavelength,note\n"


def judged(
    true: str, named: dict[str, float], verdict: Verdict, *, weights: dict[str, float] | None = None, alike: str = ""
) -> Judged:
    names = [n for n in true.split(";") if n]
    label = Label(
        Path("a.xy"),
        "s",
        frozenset(n for n in names if not n.startswith("unknown:")),
        frozenset(n.removeprefix("unknown:") for n in names if n.startswith("unknown:")),
        weights or {},
        1.54,
    )
    phases = tuple(Finding(n, 0.9, w if weights else None) for n, w in named.items())
    probabilities = {"a": 0.1, "b": 0.05, "c": 0.0} | {n: 0.9 - i / 10 for i, n in enumerate(named)}
    answer = Identification("a.xy", "m", verdict, phases, probabilities, seconds=0.1)
    return Judged(label, answer, (frozenset(alike.split(",")),) if alike else ())


def test_exact_missed_false() -> None:
    one = judged("a;b", {"a": 50, "c": 50}, "mixture")
    assert (one.false, one.missed, one.exact, one.first_right) == (["c"], ["b"], False, True)
    assert judged("a;b", {"b": 50, "a": 50}, "mixture").exact
    assert not judged("b", {"a": 100}, "known").first_right


def test_indistinguishable_phases_count_as_right() -> None:
    one = judged("a", {"c": 100}, "known", alike="a,c")
    assert one.exact
    assert one.first_right


def test_scores_of_a_set() -> None:
    figures = scores(
        [
            judged("a", {"a": 100}, "known"),
            judged("a;b", {"a": 100}, "known"),
            judged("unknown:glass", {}, "unknown"),
            judged("unknown:glass", {"c": 100}, "known"),
        ]
    )
    assert figures["scans"] == 4
    assert figures["exact_set"] == 0.5
    assert figures["first_right"] == 1.0
    assert figures["rejected"] == 0.5
    assert figures["confident_wrong"] == 1
    assert figures["missed_phases"] == 1
    assert figures["fraction_error"] is None


def test_partly_unknown_is_not_rejected() -> None:
    assert not judged("unknown:glass", {"c": 10}, "partly unknown").rejected


def test_a_missed_phase_counts_as_zero_fraction() -> None:
    one = judged("a;b", {"a": 90.0, "c": 10.0}, "mixture", weights={"a": 70.0, "b": 30.0})
    assert sorted(one.fraction_errors) == [20.0, 30.0]


def test_an_unreadable_scan_is_not_exact(tmp_path: Path) -> None:
    label = Label(tmp_path / "x.xy", "s", frozenset(), frozenset({"glass"}), {}, None)
    broken = Judged(label, Identification("x.xy", "m", None, error="gone"), ())
    assert not broken.exact
    assert not broken.rejected
    assert scores([broken])["errors"] == 1


def test_manifest(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(HEAD + "s/1.xy,one,a;unknown:Glass wool,a=70;b=30,1.5406/1.5444,\ns/2.xy,two,,,,why\n")
    first, second = read_manifest(path)
    assert first.file == tmp_path / "s/1.xy"
    assert first.phases == {"a"}
    assert first.strangers == {"Glass wool"}
    assert first.weight_percent == {"a": 70.0, "b": 30.0}
    assert first.wavelength == 1.5406
    assert (second.wavelength, second.phases, second.note) == (None, frozenset(), "why")
    assert [label.set_name for label in read_manifest(path, sets=["two"])] == ["two"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,set\na,b\n", "lacks the column phases, weight_percent, wavelength"),
        (HEAD + "a,s,x,x=much,CuKa,\n", "line 2"),
        (HEAD + "a,s,x,,Kryptonite,\n", "line 2: wavelength 'Kryptonite'"),
        (HEAD, "has no set at all"),
    ],
)
def test_bad_manifests(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(ScanError, match=words):
        read_manifest(path)


def test_a_missing_set_lists_the_sets(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(HEAD + "a,one,x,,,\n")
    with pytest.raises(ScanError, match="no set three; its sets: one"):
        read_manifest(path, sets=["three"])


def test_file_of_indistinguishable_phases(tmp_path: Path) -> None:
    path = tmp_path / "alike.csv"
    path.write_text("a,b\nc, d ,e\nalone\n")
    assert read_alike(path) == (frozenset("ab"), frozenset("cde"))


def test_evaluation_keeps_labels_beside_answers(small_model: Model) -> None:
    whole = evaluation(small_model, [judged("a;unknown:glue", {"c": 1}, "partly unknown")])
    (scan,) = whole["scans"]
    assert scan["label"]["phases"] == ["a"]
    assert scan["label"]["strangers"] == ["glue"]
    assert scan["false"] == ["c"]
    assert whole["scores"]["s"]["confident_wrong"] == 1
