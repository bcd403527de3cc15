"""Checkpoints: an interrupted training continues from its last state, and ends with the same figures.

    saved = Checkpoint(path, identity={"seed": 0, ...})
    step = saved.resume({"network": network, "optimizer": optimizer})  # 0 if there is no usable checkpoint
    ...
    saved.keep(step, {"network": network, "optimizer": optimizer})  # writes now and then
    saved.remove()

A damaged checkpoint, or one of another run, is not used. Nothing in the file is executed as code.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from bragglens.files import whole_file

EVERY = 30.0  # seconds between two checkpoints; writing one takes some ten milliseconds


class Stateful(Protocol):
    """An object whose state can be saved and restored."""

    def state_dict(self) -> dict[str, Any]:
        """The state."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Restore the state."""


@dataclass
class Checkpoint:
    """A file with the state of a training.

    Attributes:
        path: the file.
        identity: everything that the run depends on, as JSON values.
    """

    path: Path
    identity: Mapping[str, Any]
    _written: float = field(default_factory=time.monotonic, repr=False)

    @property
    def _name(self) -> str:
        return json.dumps(self.identity, sort_keys=True)

    def resume(self, parts: Mapping[str, Stateful]) -> int:
        """Restore the state of this run if there is one. Returns the number of steps done, 0 if there is none."""
        try:
            held = torch.load(self.path, weights_only=True, map_location="cpu")
            if held["identity"] != self._name:
                return 0
            states, step, random = held["parts"], int(held["step"]), held["random"]
        except Exception:  # missing, truncated or foreign: torch raises a dozen kinds
            return 0
        for name, part in parts.items():
            part.load_state_dict(states[name])
        torch.set_rng_state(random)
        return step

    def keep(self, step: int, parts: Mapping[str, Stateful]) -> None:
        """Write the state after this step, unless the last checkpoint is less than EVERY seconds old."""
        if time.monotonic() - self._written < EVERY:
            return
        states = {name: part.state_dict() for name, part in parts.items()}
        held = {"identity": self._name, "step": step, "random": torch.get_rng_state(), "parts": states}
        with whole_file(self.path) as handle:
            torch.save(held, handle)
        self._written = time.monotonic()

    def remove(self) -> None:
        """Delete the file at the end of the run."""
        self.path.unlink(missing_ok=True)
