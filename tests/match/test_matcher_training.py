"""Training of the matcher on a small library: samples, training loop, and exported file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_stream import small_library, small_stream

from bragglens.inference import session
from bragglens.learn import checkpoint
from bragglens.match.export import save_matcher
from bragglens.match.matcher import Matcher
from bragglens.match.network import Network
from bragglens.match.reference_lines import GRID
from bragglens.match.stream import HARD_NEGATIVES, HARD_POOL, QUESTIONS, Questions, Stream
from bragglens.match.train import answer, calibrate, losses, train
from bragglens.scan.pattern import Pattern


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_samples_do_not_depend_on_the_batch() -> None:
    whole, alone = small_stream().batch(10, 4), small_stream().batch(12, 1)
    for name in ("x", "present", "loss_mask", "share", "weight"):
        np.testing.assert_array_equal(getattr(alone, name)[0], getattr(whole, name)[2])
    for one, other in zip(alone.features, whole.features, strict=True):
        np.testing.assert_array_equal(one[0], other[2])


def test_samples_have_present_phases_and_hard_negatives() -> None:
    """Present phases are first, shares refer to all diffracted intensity, weights add up to the whole library."""
    questions = small_stream().batch(0, 24)
    assert questions.present.shape == (24, QUESTIONS)
    assert questions.weight.sum(axis=1) == pytest.approx(np.full(24, len(small_library())))
    assert (questions.weight == np.float32(HARD_POOL / HARD_NEGATIVES)).sum() == 24 * HARD_NEGATIVES
    assert 0 < questions.present.sum() < 24 * 4
    assert (questions.present <= questions.loss_mask).all()  # present phases are in the loss
    held = questions.share.sum(axis=1)
    assert np.all(np.isclose(held, 1) | (held == 0))  # 0 in a scan without a phase of the library
    assert (questions.share[questions.present > 0] > 0).all()


def test_phases_indistinguishable_from_a_present_one_are_not_in_the_loss() -> None:
    """If all phases are indistinguishable from each other, only the present ones remain in the loss."""
    stream = small_stream()
    same = Stream(stream.mixtures, stream.reference, np.ones_like(stream.alike))
    questions = same.batch(0, 8)
    several = questions.share.sum(axis=1) > 0
    assert several.any()
    np.testing.assert_array_equal(questions.loss_mask[several], questions.present[several])


def test_a_few_steps_learn() -> None:
    """The cross-entropy of new samples, divided by that of the initial weights."""
    torch.manual_seed(small_stream().mixtures.seed)
    fresh, trained = Network(), train(small_stream(), steps=12, batch=4, half=False)
    questions = small_stream().batch(5000, 16)
    before, after = (
        float(losses(answer(one, questions, half=False), questions)[0].detach()) for one in (fresh, trained)
    )
    assert after < 0.8 * before


def test_an_interrupted_training_continues_to_the_same_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    options: dict[str, Any] = {"steps": 5, "batch": 2, "half": False, "checkpoint": tmp_path / "m.checkpoint"}
    whole = train(small_stream(), **options)
    assert list(tmp_path.iterdir()) == []
    began: list[int] = []
    batch = Stream.batch

    def broken(self: Stream, first: int, count: int) -> Questions:
        began.append(first)
        if first >= 6 and len(began) < 5:
            raise KeyboardInterrupt
        return batch(self, first, count)

    monkeypatch.setattr(Stream, "batch", broken)
    with pytest.raises(KeyboardInterrupt):
        train(small_stream(), **options)
    resumed = train(small_stream(), **options)
    assert began == [0, 2, 4, 6, 6, 8]
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_exported_file_gives_the_output_of_the_network(tmp_path: Path) -> None:
    """The result of `matcher.py` from the file, compared with the trained network."""
    torch.manual_seed(0)
    network, stream = Network().eval(), small_stream()
    save_matcher(network, {"log_odds": calibrate(network, stream, samples=64)}, tmp_path / "matcher.zip")
    with zipfile.ZipFile(tmp_path / "matcher.zip") as archive:
        encoder, judge = (session(archive.read(name)) for name in ("encoder.onnx", "judge.onnx"))
        matcher = Matcher(encoder, judge, json.loads(archive.read("manifest.json")))
    scans = stream.mixtures.scans(0, 1)
    opinion = matcher.opinion(Pattern(GRID, scans.counts[0].astype(float), scans.covered[0]), stream.reference)
    assert opinion.probability.shape == opinion.share.shape == (len(small_library()),)
    slope, offset = matcher.manifest["log_odds"]
    expected = torch.sigmoid(slope * _logits(network, scans.counts[0], scans.covered[0], stream) + offset)
    assert opinion.probability == pytest.approx(expected.numpy(), abs=2e-3)


def _logits(network: Network, counts: np.ndarray, covered: np.ndarray, stream: Stream) -> torch.Tensor:
    """Logits of presence for every phase of the library."""
    from bragglens.match.features import Features, channels, line_features, scaled
    from bragglens.match.line_matching import match_lines, peaks

    intensity, explained = scaled(counts.astype(float), covered, np.zeros(GRID.size))
    tables = line_features(stream.reference, match_lines(peaks(intensity, covered, explained), stream.reference))
    none = np.zeros((1, len(stream.reference)), np.float32)
    questions = Questions(
        channels(intensity, covered, explained)[None], Features(*(t[None] for t in tables)), *[none] * 4
    )
    with torch.inference_mode():
        return answer(network, questions, half=False)[0, :, 0].double()
