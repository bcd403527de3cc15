"""Training of the matcher, once for all libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import nn

from bragglens.match.matcher import STRIDE
from bragglens.match.network import Encoder, Judge
from bragglens.match.stream import Asked, Stream
from bragglens.simulate.draws import LogUniform, Normal
from bragglens.simulate.recipe import Recipe

Report = Callable[[int, float, float, float], None]
VALIDATION_FIRST = 1 << 40  # samples from here on are for calibration
_SHARE_WEIGHT = 2.0  # of the shares' errors against the cross-entropy


@dataclass(frozen=True)
class Trained:
    """The two halves of the network."""

    encoder: Encoder
    judge: Judge


def train(
    stream: Stream, *, steps: int, batch: int = 64, first: int = 0, half: bool = True, report: Report | None = None
) -> Trained:
    """Train on samples first ... of a stream; `report` is told (step, cross-entropy, loss of shares, seconds)."""
    torch.manual_seed(stream.seed)
    encoder, judge = Encoder(), Judge()
    parameters = [*encoder.parameters(), *judge.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.1)
    started, seen = time.perf_counter(), []
    for step, asked in enumerate(_ahead(lambda step: stream.batch(first + step * batch, batch), steps)):
        crossed, shares = losses(answer(encoder, judge, asked, half=half), asked)
        optimizer.zero_grad(set_to_none=True)
        (crossed + _SHARE_WEIGHT * shares).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        seen.append((crossed.item(), shares.item()))
        if report and (step + 1) % 50 == 0:
            crossed_mean, share_mean = np.mean(seen[-50:], axis=0)
            report(step + 1, float(crossed_mean), float(share_mean), time.perf_counter() - started)
    return Trained(encoder.eval(), judge.eval())


def recipe_of_any() -> Recipe:
    """What may vary in a scan of a phase whose structure is known about: more of cell and texture than the default."""
    return Recipe(dilation=Normal(0.0, 0.004), strain=Normal(0.0, 0.005), march=LogUniform(0.3, 2.5))


def calibrate(trained: Trained, stream: Stream, *, samples: int = 2048) -> tuple[float, float]:
    """Slope and offset by which log odds become those of a phase taken at random from the whole library.

    The hard and easy phases that a sample is asked for are no fair share of a library; here every phase is asked for
    that the sample holds, and a random choice of the others, each of which stands for many.
    """
    logits, present, worth = [], [], []
    for first in range(0, samples, 64):
        asked = stream.batch(VALIDATION_FIRST + first, 64)
        with torch.inference_mode():
            out = answer(trained.encoder, trained.judge, asked, half=False)[..., 0].numpy()
        logits.append(out.ravel())
        present.append(asked.present.ravel())
        worth.append((asked.counted * asked.worth).ravel())
    z, y, w = (np.concatenate(column).astype(float) for column in (logits, present, worth))

    def loss(values: NDArray[np.float64]) -> float:
        odds = values[0] * z + values[1]
        return float((w * (np.logaddexp(0, odds) - y * odds)).sum() / w.sum())

    slope, offset = minimize(loss, np.array([1.0, -1.0]), method="Nelder-Mead").x
    return float(slope), float(offset)


def _ahead(make: Callable[[int], Asked], steps: int) -> Iterator[Asked]:
    """Batches in their order, the next one made while this one is used: the renderer holds no lock."""
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(make, 0)
        for step in range(steps):
            asked = following.result()
            if step + 1 < steps:
                following = maker.submit(make, step + 1)
            yield asked


def answer(encoder: Encoder, judge: Judge, asked: Asked, *, half: bool) -> torch.Tensor:
    """Log odds of presence and share, (batch, asked, 2)."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        features, scene = encoder(torch.from_numpy(asked.x))
        scans, places, width = features.shape
        place = np.minimum(asked.question.place / STRIDE, places - 1) + places * np.arange(scans)[:, None, None]
        out = judge(
            features.reshape(scans * places, width),
            scene[:, None].expand(scans, place.shape[1], width),
            torch.from_numpy(place.astype(np.float32)),
            torch.from_numpy(asked.question.lines),
            torch.from_numpy(asked.question.weight),
            torch.from_numpy(asked.question.phases),
        )
    return out.float()


def losses(out: torch.Tensor, asked: Asked) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of presence and squared error of the share's root, both over what counts."""
    present, counted = torch.from_numpy(asked.present), torch.from_numpy(asked.counted)
    crossed = nn.functional.binary_cross_entropy_with_logits(out[..., 0], present, reduction="none") * counted
    error = (torch.sigmoid(out[..., 1]) - torch.from_numpy(np.sqrt(asked.share))) ** 2 * present
    return crossed.sum() / counted.sum() * out.shape[1], error.sum() / torch.clamp(present.sum(), min=1)
