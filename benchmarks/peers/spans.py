"""Writes down how long some jobs took from the beginning of the first to the end of the last, over all processes.

The ends are counted by the length of a file that every process appends to, since no process sees the jobs of another.
"""

from __future__ import annotations

import os
import time
from functools import cache

from tally import JOBS, PATH, write


def begin() -> None:
    """Note that a job begins."""
    beginnings, _ = _files()
    if os.fstat(beginnings).st_size == 0:
        os.write(beginnings, f"{time.perf_counter()}\n".encode())


def end() -> None:
    """Note that a job has ended; the last one writes the tally."""
    beginnings, ends = _files()
    os.write(ends, b".")
    if os.lseek(ends, 0, os.SEEK_CUR) == JOBS:  # where this very write has ended
        first = min(map(float, os.pread(beginnings, 100_000, 0).split()))
        write(PATH, jobs=JOBS, seconds=time.perf_counter() - first)


@cache
def _files() -> tuple[int, int]:
    """Opened by the first job of each process, so that no two share a position."""
    flags = os.O_CREAT | os.O_APPEND | os.O_RDWR
    return os.open(PATH.with_suffix(".begun"), flags, 0o600), os.open(PATH.with_suffix(".ended"), flags, 0o600)
