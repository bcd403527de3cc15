"""Training: networks on a stream of mixtures made on the fly, or on stored patterns as in the founding blog post."""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bragglens.crystal.library import Library
from bragglens.errors import RecipeError
from bragglens.learn.checkpoint import Checkpoint
from bragglens.learn.export import to_onnx
from bragglens.learn.loop import ALONE, Course, Figures, Means, Tick, descend, train_network
from bragglens.learn.model import Answer, Model
from bragglens.learn.networks import NETWORKS
from bragglens.learn.processes import Processes
from bragglens.learn.stream import Batch, open_stream
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation
from bragglens.simulate.instrument import emission
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.similarity import indistinguishable_pairs
from bragglens.simulate.stored import VALIDATION_FIRST

DEFAULT_GRID = Grid(5.0, 90.0, 0.02)
POST_BATCH, POST_EPOCHS = 32, 10
STRANGERS = 400  # number of phases outside the library for training
_REPORTS = 10  # reports of a training on a stream


@dataclass(frozen=True)
class Progress:
    """State of a training at the end of an epoch.

    Attributes:
        epoch, epochs: this epoch, and the number of epochs.
        loss: mean training loss since the last report.
        accuracy: share of training patterns since the last report with an exact match.
        validation: share of validation patterns with an exact match.
        seconds: since the start.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation: float
    seconds: float


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Stored:
    """Stored patterns with class numbers: x of shape (patterns, points), y of shape (patterns,)."""

    x: NDArray[np.float64]
    y: NDArray[np.int64]


def use_threads(count: int | None = None) -> int:
    """Set the number of torch threads, by default the number of free cores. More threads than free cores are slower."""
    if count is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        busy = round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
        count = max(1, cores - busy)
    torch.set_num_threads(count)
    return count


def train(
    library: Library,
    *,
    recipe: Recipe | None = None,
    grid: Grid = DEFAULT_GRID,
    network: str = "compact",
    steps: int = 3000,
    batch: int = 64,
    seed: int = 0,
    report: Report | None = None,
    tick: Tick | None = None,
    checkpoint: Path | None = None,
    group: Processes = ALONE,
) -> Model:
    """Train a network that gives for each phase the probability that it is present, on mixtures made on the fly.

    Args:
        library: the phases.
        recipe: what varies. The default is wide enough for laboratory scans.
        grid: axis of the network input, at the recipe's wavelength.
        network: name of a network in `NETWORKS`.
        steps: number of batches.
        batch: patterns in a batch.
        seed: sample i comes from (seed, i), and the initial weights of the network from the seed.
        report: called ten times during the training.
        tick: called after each step with (step, steps).
        checkpoint: file for the state during the training. An interrupted run continues from it, and ends with the same
            figures. The file is removed at the end.
        group: the processes that train together.

    Returns:
        The model. Its calibration and scores are from samples that were not used for training.
    """
    recipe = recipe or Recipe()
    identity = _identity(library, recipe, grid, network, steps, batch, seed)
    saved = Checkpoint(checkpoint, identity) if checkpoint else None
    course = Course(steps, batch, rising=0.15, decay=1e-4, every=max(1, steps // _REPORTS))
    return _trained(library, recipe, grid, network, course, seed, report=report, tick=tick, saved=saved, group=group)


def _trained(
    library: Library,
    recipe: Recipe,
    grid: Grid,
    network: str,
    course: Course,
    seed: int,
    *,
    report: Report | None,
    tick: Tick | None,
    saved: Checkpoint | None,
    group: Processes,
) -> Model:
    preparation = Preparation(grid, emission(recipe.wavelength)[0].wavelength, "sqrt")
    net = _network(network, preparation.channels, grid.size, len(library) + 1, seed).to(group.device)
    stream = open_stream(library, recipe, preparation, seed=seed, outside=STRANGERS, threads=torch.get_num_threads())
    validation = [stream.batch(VALIDATION_FIRST + 128 * i, 128) for i in range(4)]
    started = time.perf_counter()

    def report_step(step: int, means: Figures) -> None:
        if report:
            right = _share_right([_infer(net, v.x) for v in validation], validation)
            seconds = time.perf_counter() - started
            report(Progress(step // course.every, _REPORTS, means["loss"], means["accuracy"], right, seconds))

    train_network(
        net, stream.batch, _loss_of(group.device), course, report=report_step, tick=tick, saved=saved, group=group
    )
    logits = [_infer(net, v.x) for v in validation]
    if saved and group.rank == 0:
        saved.remove()
    scores = {
        "exact_set_simulated": _share_right(logits, validation),
        "samples": float(course.steps * course.batch),
        "seed": float(seed),
    }
    temperature = _temperature(np.concatenate(logits), validation)
    return _model(net.cpu(), library, preparation, "sigmoid", network, recipe.to_dict(), scores, temperature)


def _loss_of(device: torch.device) -> Callable[[nn.Module, Batch], tuple[torch.Tensor, Figures]]:
    """The loss of a batch on a device, and its share of patterns with an exact match."""
    half = _has_bfloat16() or device.type == "cuda"

    def loss(network: nn.Module, batch: Batch) -> tuple[torch.Tensor, Figures]:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            logits = network(torch.from_numpy(batch.x).to(device)).float()
        value = _masked_loss(logits, batch)
        right = _exact(logits.detach().cpu().numpy(), batch).mean()
        return value, {"loss": float(value.detach()), "accuracy": float(right)}

    return loss


def _identity(library: Library, recipe: Recipe, grid: Grid, network: str, *numbers: int) -> dict[str, Any]:
    """Everything that a run depends on, so that no other run uses its checkpoint."""
    axis = [grid.start, grid.stop, grid.step]
    return {
        "library": library.hash,
        "recipe": recipe.to_dict(),
        "grid": axis,
        "network": network,
        "numbers": list(numbers),
        "versions": [version("bragglens"), version("torch")],
    }


def train_stored(
    library: Library,
    training: Stored,
    validation: Stored,
    *,
    grid: Grid,
    wavelength: str = "CuKa",
    network: str = "post",
    epochs: int = POST_EPOCHS,
    seed: int = 0,
    report: Report | None = None,
) -> Model:
    """Train a softmax classifier on stored patterns of single phases, as in the founding blog post.

    Min-max scaling, Adam at its default rate, cross-entropy, batches of 32, shuffled in each epoch.

    Raises:
        RecipeError: arrays, labels, grid and library do not fit each other.
    """
    for name, stored in (("training", training), ("validation", validation)):
        _check_stored(name, stored, library, grid)
    preparation = Preparation(grid, emission(wavelength)[0].wavelength, "minmax")
    net = _network(network, preparation.channels, grid.size, len(library), seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    started = time.perf_counter()
    accuracy = 0.0
    for epoch in range(epochs):
        means = _epoch(net, optimizer, _shuffled(training, preparation, seed + epoch))
        accuracy = stored_accuracy(lambda x: _infer(net, x), validation, preparation)
        if report:
            seconds = time.perf_counter() - started
            report(Progress(epoch + 1, epochs, validation=accuracy, seconds=seconds, **means))
    scores = {"validation_accuracy": accuracy, "samples": float(len(training.y)), "seed": float(seed)}
    return _model(net, library, preparation, "softmax", network, {}, scores, 1.0)


def _epoch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[tuple[NDArray[np.float32], NDArray[np.int64]]],
) -> Figures:
    """Learn once from each batch. Returns the means of loss and accuracy."""
    means = Means()
    for x, y in batches:
        logits = net(torch.from_numpy(x))
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(y))
        descend(loss, optimizer)
        right = (logits.detach().numpy().argmax(axis=1) == y).mean()
        means.add({"loss": float(loss.detach()), "accuracy": float(right)}, len(y))
    return means.close()


def stored_accuracy(
    answer: Callable[[NDArray[np.float32]], NDArray[np.floating]], stored: Stored, preparation: Preparation
) -> float:
    """Share of stored single-phase patterns whose most probable phase is the right one."""
    right = 0
    classes = int(stored.y.max()) + 1
    for i in range(0, len(stored.y), 64):
        x = stored.x[i : i + 64]
        scores = answer(preparation.apply(x, np.ones(x.shape, dtype=bool)))
        right += int((scores[:, : max(classes, 1)].argmax(axis=1) == stored.y[i : i + 64]).sum())
    return right / len(stored.y)


def _check_stored(name: str, stored: Stored, library: Library, grid: Grid) -> None:
    if stored.x.ndim != 2 or stored.x.shape[0] != stored.y.shape[0] or not len(stored.y):
        raise RecipeError(f"the {name} arrays of shapes {stored.x.shape} and {stored.y.shape} do not belong together")
    if stored.x.shape[1] != grid.size:
        raise RecipeError(
            f"the {name} patterns have {stored.x.shape[1]} points, the axis {grid.start:g}-{grid.stop:g}° at "
            f"{grid.step:g}° has {grid.size}: state the --two-theta and --step they were simulated with"
        )
    if stored.y.min() < 0 or stored.y.max() >= len(library):
        raise RecipeError(
            f"the {name} labels run to {stored.y.max()}, the folder holds {len(library)} phases: give the folder "
            "that the patterns were simulated from"
        )


def _shuffled(
    stored: Stored, preparation: Preparation, seed: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    order = np.random.default_rng(seed).permutation(len(stored.y))
    for i in range(0, len(order), POST_BATCH):
        rows = order[i : i + POST_BATCH]
        x = stored.x[rows]
        yield preparation.apply(x, np.ones(x.shape, dtype=bool)), stored.y[rows].astype(np.int64)


def _network(name: str, channels: int, points: int, outputs: int, seed: int) -> nn.Module:
    if name not in NETWORKS:
        raise RecipeError(f"network '{name}' is not known: choose one of {', '.join(NETWORKS)}")
    torch.manual_seed(seed)
    return NETWORKS[name](channels, points, outputs)


def _has_bfloat16() -> bool:
    """Whether the processor has bfloat16 arithmetic. With it a step takes half the time, without it twice the time."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _masked_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean binary cross-entropy of the entries in the mask, summed over the phases."""
    present, mask = (torch.from_numpy(table).to(logits.device) for table in (batch.present, batch.loss_mask))
    losses = nn.functional.binary_cross_entropy_with_logits(logits, present, reduction="none")
    return (losses * mask).sum(dim=1).mean()


def _infer(net: nn.Module, x: NDArray[np.float32]) -> NDArray[np.float32]:
    net.eval()
    device = next(net.parameters()).device
    with torch.inference_mode():
        out: NDArray[np.float32] = net(torch.from_numpy(x).to(device)).cpu().numpy()
    net.train()
    return out


def _exact(logits: NDArray[np.floating], batch: Batch) -> NDArray[np.bool_]:
    """Whether the phases of the library are an exact match within the loss mask, at a probability threshold of 0.5."""
    wrong = ((logits > 0) != (batch.present > 0)) & (batch.loss_mask > 0)
    return np.asarray(~wrong[:, :-1].any(axis=1))


def _share_right(logits: list[NDArray[np.float32]], validation: list[Batch]) -> float:
    """Share of validation patterns with an exact match."""
    return float(np.mean([_exact(one, v).mean() for one, v in zip(logits, validation, strict=True)]))


def _temperature(logits: NDArray[np.floating], validation: list[Batch]) -> float:
    """Temperature scaling (Guo et al. 2017, ICML): the temperature that calibrates probabilities of new samples."""
    present = np.concatenate([v.present for v in validation])
    mask = np.concatenate([v.loss_mask for v in validation])
    candidates = np.geomspace(0.5, 4.0, 40)

    def loss(t: float) -> float:
        z = logits / t
        return float(((np.logaddexp(0, z) - present * z) * mask).sum())

    return float(candidates[np.argmin([loss(t) for t in candidates])])


def _model(
    net: nn.Module,
    library: Library,
    preparation: Preparation,
    answer: Answer,
    name: str,
    recipe: dict[str, object],
    scores: dict[str, float],
    temperature: float,
) -> Model:
    versions = {package: version(package) for package in ("bragglens", "torch", "numpy", "gemmi", "onnxruntime")}
    versions |= {"python": platform.python_version(), "date": datetime.date.today().isoformat()}
    return Model(
        library=library,
        preparation=preparation,
        answer=answer,
        network=to_onnx(net, preparation.channels, preparation.grid.size),
        network_name=name,
        recipe=recipe,
        scores=scores,
        versions=versions,
        temperature=temperature,
        alike=tuple((one, other) for one, other, _ in indistinguishable_pairs(library.phases)),
    )
