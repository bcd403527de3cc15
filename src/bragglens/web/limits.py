"""Limits of a worker's process, if the operating system has them (Linux, macOS): memory and processor time."""

from __future__ import annotations

import os
from contextlib import suppress

from bragglens.scan.reader_process import limit_memory

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

MOST_MEMORY = 2 * 2**30  # bytes beyond what it has at its start; a scan among all minerals takes some 0.5 GB
_OF_A_THREAD = 32 * 2**20  # bytes that the stacks of compiled kernels and networks take for each core
MOST_CPU = 1200.0  # seconds of all its cores together for one file; the longest scan of the benchmarks takes 30


def limit_worker_memory() -> None:
    """Limit this process to that much more memory than it has now; Python then raises MemoryError."""
    limit_memory(MOST_MEMORY + _OF_A_THREAD * (os.cpu_count() or 1))
    if resource is not None:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an end by a limit leaves no copy of the memory on disk


def limit_cpu() -> None:
    """Limit this process to that much processor time from now on; then it is killed."""
    if resource is None:
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + MOST_CPU) + 1, hard))


def open_files() -> int | None:
    """How many files and connections a process may have open, None if there is no limit."""
    if resource is None:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft
