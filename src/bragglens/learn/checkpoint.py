"""Checkpoints: a training that was killed goes on where it stood, and ends with the same figures.

    saved = Checkpoint(path, identity={"seed": 0, ...})
    step = saved.resume({"network": network, "optimizer": optimizer})  # 0 where there is nothing to go on from
    ...
    saved.keep(step, {"network": network, "optimizer": optimizer})  # writes now and then
    saved.remove()

A checkpoint of another run, or a damaged one, is not used. Nothing in the file is executed as code.
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

EVERY = 30.0  # seconds between two writings, which take some ten milliseconds each


class Stateful(Protocol):
    """What can be put aside and taken up again."""

    def state_dict(self) -> dict[str, Any]:
        """All that it holds."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Take that up again."""


@dataclass
class Checkpoint:
    """A file that a training puts its state into.

    Attributes:
        path: the file.
        identity: all that the run depends on; JSON values.
    """

    path: Path
    identity: Mapping[str, Any]
    _written: float = field(default_factory=time.monotonic, repr=False)

    @property
    def _name(self) -> str:
        return json.dumps(self.identity, sort_keys=True)

    def resume(self, parts: Mapping[str, Stateful]) -> int:
        """Take up the state of this run where there is one; how many steps it has done, 0 where there is none."""
        try:
            held = torch.load(self.path, weights_only=True, map_location="cpu")
            if held["identity"] != self._name:
                return 0
            states, step, random = held["parts"], int(held["step"]), held["random"]
        except Exception:  # missing, cut short or foreign: torch raises a dozen kinds
            return 0
        for name, part in parts.items():
            part.load_state_dict(states[name])
        torch.set_rng_state(random)
        return step

    def keep(self, step: int, parts: Mapping[str, Stateful]) -> None:
        """Write the state after so many steps, unless that was done a moment ago."""
        if time.monotonic() - self._written < EVERY:
            return
        states = {name: part.state_dict() for name, part in parts.items()}
        held = {"identity": self._name, "step": step, "random": torch.get_rng_state(), "parts": states}
        with whole_file(self.path) as handle:
            torch.save(held, handle)
        self._written = time.monotonic()

    def remove(self) -> None:
        """The run is done."""
        self.path.unlink(missing_ok=True)
