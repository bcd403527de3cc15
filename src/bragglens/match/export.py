"""Export of the trained matcher to the file in the package."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import torch

from bragglens.files import whole_file
from bragglens.learn.export import onnx_bytes
from bragglens.match.features import CHANNELS, OF_LINES, OF_PHASES
from bragglens.match.network import Network
from bragglens.match.reference_lines import GRID, MOST


def save_matcher(network: Network, manifest: dict[str, Any], path: Path) -> None:
    """Write `matcher.zip`, which `matcher.matcher` reads."""
    encoder, judge = network.cpu().eval().encoder, network.judge
    x = torch.zeros(1, CHANNELS, GRID.size)
    with torch.inference_mode():
        features, scene = (part[0].clone() for part in encoder(x))
    phases = torch.export.Dim("phases", min=1, max=1 << 20)
    example = (
        features,
        scene[None].expand(3, -1).clone(),
        torch.zeros(3, MOST),
        torch.zeros(3, MOST, OF_LINES),
        torch.zeros(3, MOST),
        torch.zeros(3, OF_PHASES),
    )
    with whole_file(path) as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        archive.writestr("encoder.onnx", onnx_bytes(encoder, (x,), None))
        archive.writestr("judge.onnx", onnx_bytes(judge, example, (None, *({0: phases} for _ in range(5)))))
