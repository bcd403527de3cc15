"""Networks run by ONNX Runtime, which is imported here and nowhere else.

From version 1.32 on it reports home: it looks up a host of its maker and keeps a database of what it did in the user's
cache. A variable that it reads while it is imported switches that off; the call that it offers afterwards does not.
"""

from __future__ import annotations

import os
from typing import Any

# Here and not where a network is loaded, so that a program which imports onnxruntime after bragglens is silent too.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def session(network: bytes) -> Any:
    """An onnxruntime.InferenceSession of a network, on the processor, without its warnings.

    Raises:
        Exception: the bytes are no network; of many kinds, none of them public.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait leave the cores alone
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
