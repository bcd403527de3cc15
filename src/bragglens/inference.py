"""Inference: networks run by ONNX Runtime, which is imported only here.

From version 1.32 on ONNX Runtime sends telemetry: it looks up a host of its maker and keeps a database of its use in
the user's cache. An environment variable that it reads at import switches that off; its own function afterwards does
not.
"""

from __future__ import annotations

import os
from typing import Any

# Here and not where a network is loaded, so that a program that imports onnxruntime after bragglens sends nothing
# either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def session(network: bytes) -> Any:
    """An onnxruntime.InferenceSession of a network on the CPU, without its warnings.

    Raises:
        Exception: the bytes are not a network; of several classes, none of them public.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads release the cores
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
