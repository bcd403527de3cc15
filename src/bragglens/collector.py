"""Collector: Python's garbage collector rests while a large structure is built.

It walks all objects again and again while their number grows, which takes a third of the time in which a library is
read, and finds nothing to free.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """Within this, nothing is collected."""
    working = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if working:
            gc.enable()


@contextmanager
def starting() -> Iterator[None]:
    """The same for the start of a command. What is there at its end stays, and is not walked again."""
    with resting():
        yield
        gc.freeze()
