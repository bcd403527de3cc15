"""Training of the matcher, done once for all libraries."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import nn

from bragglens.learn.checkpoint import Checkpoint
from bragglens.learn.loop import ALONE, Course, Figures, Report, train_network
from bragglens.learn.processes import Processes
from bragglens.match.network import Network
from bragglens.match.stream import Questions, Stream
from bragglens.simulate.draws import LogUniform, Normal
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.stored import VALIDATION_FIRST

_SHARE_WEIGHT = 2.0  # weight of the error of the shares relative to the cross-entropy


def train(
    stream: Stream,
    *,
    steps: int,
    batch: int = 64,
    first: int = 0,
    half: bool = True,
    report: Report | None = None,
    checkpoint: Path | None = None,
    group: Processes = ALONE,
) -> Network:
    """Train on samples of a stream, from number `first` on.

    Args:
        stream: source of the samples.
        steps: number of batches.
        batch: samples in a batch.
        first: number of the first sample.
        half: whether to compute in bfloat16.
        report: called every 50 steps with the step and the means of `cross_entropy` and `shares` since the last call.
        checkpoint: file for the state during the training. An interrupted run continues from it. Removed at the end.
        group: the processes that train together.
    """
    torch.manual_seed(stream.mixtures.seed)
    network = Network().to(group.device)
    course = Course(steps, batch, rising=0.1, decay=1e-3, clip=1.0)
    saved = Checkpoint(checkpoint, _identity(stream, steps, batch, first)) if checkpoint else None

    def loss(joined: nn.Module, questions: Questions) -> tuple[torch.Tensor, Figures]:
        crossed, shares = losses(answer(joined, questions, half=half, device=group.device), questions)
        return crossed + _SHARE_WEIGHT * shares, {"cross_entropy": crossed.item(), "shares": shares.item()}

    train_network(network, stream.batch, loss, course, first=first, report=report, saved=saved, group=group)
    if saved and group.rank == 0:
        saved.remove()
    return network.eval()


def _identity(stream: Stream, *numbers: int) -> dict[str, Any]:
    """Everything that a run depends on, so that no other run uses its checkpoint."""
    lines = sha256(stream.reference.angle.tobytes() + stream.reference.height.tobytes()).hexdigest()
    return {
        "matcher": lines,
        "recipe": stream.mixtures.recipe.to_dict(),
        "numbers": [stream.mixtures.seed, *numbers],
        "versions": [version("bragglens"), version("torch")],
    }


def recipe_of_any() -> Recipe:
    """Recipe for phases of roughly known structure, with more variation of cell and texture than the default."""
    return Recipe(dilation=Normal(0.0, 0.004), strain=Normal(0.0, 0.005), march=LogUniform(0.3, 2.5))


def calibrate(network: Network, stream: Stream, *, samples: int = 2048) -> tuple[float, float]:
    """Slope and offset that convert log odds to those of a phase drawn at random from the whole library.

    The hard negatives and other phases of a sample are not representative of a library. Here each sample has all its
    phases and a random choice of the others, each of which stands for many.
    """
    logits, present, weight = [], [], []
    for first in range(0, samples, 64):
        questions = stream.batch(VALIDATION_FIRST + first, 64)
        with torch.inference_mode():
            out = answer(network, questions, half=False)[..., 0].numpy()
        logits.append(out.ravel())
        present.append(questions.present.ravel())
        weight.append((questions.loss_mask * questions.weight).ravel())
    z, y, w = (np.concatenate(column).astype(float) for column in (logits, present, weight))

    def loss(values: NDArray[np.float64]) -> float:
        odds = values[0] * z + values[1]
        return float((w * (np.logaddexp(0, odds) - y * odds)).sum() / w.sum())

    slope, offset = minimize(loss, np.array([1.0, -1.0]), method="Nelder-Mead").x
    return float(slope), float(offset)


def answer(
    network: nn.Module, questions: Questions, *, half: bool, device: torch.device = torch.device("cpu")
) -> torch.Tensor:
    """Log odds of presence and share, (batch, questions, 2)."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        out: torch.Tensor = network(
            *(torch.from_numpy(table).to(device) for table in (questions.x, *questions.features))
        )
    return out.float()


def losses(out: torch.Tensor, questions: Questions) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of presence and squared error of the square root of the share, each within its mask."""
    present, mask, share = (
        torch.from_numpy(table).to(out.device)
        for table in (questions.present, questions.loss_mask, np.sqrt(questions.share))
    )
    crossed = nn.functional.binary_cross_entropy_with_logits(out[..., 0], present, reduction="none") * mask
    error = (torch.sigmoid(out[..., 1]) - share) ** 2 * present
    return crossed.sum() / mask.sum() * out.shape[1], error.sum() / torch.clamp(present.sum(), min=1)
