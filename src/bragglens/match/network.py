"""The matcher's network: an encoder that reads a scan once, and a judge that reads the result at the lines of a phase.

No position is learned. The encoder is a convolution. The judge gets the encoder's features at the positions of a
phase's lines, and pools over the lines with the phase's own intensities as weights. The network therefore works for
phases that were not in its training.
"""

from __future__ import annotations

import torch
from torch import nn

from bragglens.match.features import CHANNELS, OF_LINES, OF_PHASES
from bragglens.match.matcher import STRIDE

_NARROW, _WIDE = 48, 64
_DILATIONS = (1, 2, 4, 8)  # the last reaches some degrees to either side


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.inner = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.outer = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.GroupNorm(4, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.outer(torch.relu(self.inner(self.norm(x))))
        return x + y


class Encoder(nn.Module):
    """(scans, CHANNELS, points) to features (scans, places, width) and their mean, the scene, (scans, width)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(CHANNELS, _NARROW, 9, stride=2, padding=4),
            nn.ReLU(),
            nn.Conv1d(_NARROW, _NARROW, 9, stride=2, padding=4),
            *(_Residual(_NARROW, dilation) for dilation in _DILATIONS),
            nn.ReLU(),
            nn.Conv1d(_NARROW, _WIDE, 9, padding=4),
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        features: torch.Tensor = self.layers(x).transpose(1, 2)
        return features, torch.relu(features).mean(dim=1)


class Judge(nn.Module):
    """Features and tables of phases to (…, 2): log odds of presence, and of the share of the intensity."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Linear(_WIDE + OF_LINES + OF_PHASES, _WIDE), nn.ReLU(), nn.Linear(_WIDE, _WIDE), nn.ReLU()
        )
        self.context = nn.Linear(3 * _WIDE, _WIDE)
        self.second = nn.Sequential(nn.ReLU(), nn.Linear(_WIDE, _WIDE), nn.ReLU())
        self.inner = nn.Linear(_WIDE, _WIDE)
        self.last = nn.Sequential(nn.Linear(4 * _WIDE + OF_PHASES, _WIDE), nn.ReLU(), nn.Linear(_WIDE, 2))

    def forward(
        self,
        features: torch.Tensor,
        scene: torch.Tensor,
        place: torch.Tensor,
        lines: torch.Tensor,
        weight: torch.Tensor,
        phases: torch.Tensor,
    ) -> torch.Tensor:
        """Judge phases, from the features (places, width) of all scans and the scene of each phase's scan (…, width).

        `place` is an index into the features of one scan after the other.
        """
        below = place.floor()
        share = (place - below).unsqueeze(-1).to(features.dtype)
        row = below.long()
        here, following = features[row], features[torch.clamp(row + 1, max=features.shape[0] - 1)]
        seen = here + (following - here) * share
        dtype, there = seen.dtype, (weight > 0).to(seen.dtype)
        known = phases.to(dtype).unsqueeze(-2).expand(*lines.shape[:-1], OF_PHASES)
        means = torch.stack([weight.to(dtype), there / torch.clamp(there.sum(dim=-1, keepdim=True), min=1.0)], dim=-2)
        each = self.first(torch.cat([seen, lines.to(dtype), known], dim=-1))
        each = each + self.second(self.inner(each) + self.context(_pooled(each, means, there)).unsqueeze(-2))
        out: torch.Tensor = self.last(
            torch.cat([_pooled(each, means, there), phases.to(dtype), scene.to(dtype)], dim=-1)
        )
        return out


class Network(nn.Module):
    """Both parts: scans and the tables of their phases to (scans, questions, 2), the output of the judge."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.judge = Encoder(), Judge()

    def forward(
        self, x: torch.Tensor, place: torch.Tensor, lines: torch.Tensor, weight: torch.Tensor, phases: torch.Tensor
    ) -> torch.Tensor:
        """Scans (scans, CHANNELS, points), and for each scan its own tables of `features.Features`."""
        features, scene = self.encoder(x)
        scans, places, width = features.shape
        first = places * torch.arange(scans, device=place.device)[:, None, None]
        place = torch.clamp(place / STRIDE, max=places - 1).double() + first  # index into the features of all scans
        out: torch.Tensor = self.judge(
            features.reshape(scans * places, width),
            scene[:, None].expand(scans, place.shape[1], width),
            place.float(),
            lines,
            weight,
            phases,
        )
        return out


def _pooled(each: torch.Tensor, means: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Means over a phase's lines, weighted by intensity and unweighted, and the maximum. `each` is never negative."""
    largest = (each * there.unsqueeze(-1)).amax(dim=-2)
    return torch.cat([torch.matmul(means, each).flatten(-2), largest], dim=-1)
