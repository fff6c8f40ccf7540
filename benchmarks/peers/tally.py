"""Counts the jobs a worker runs and writes down how long they took, so that the worker's start does not count.

`BENCH_JOBS` says how many jobs make a drain, `BENCH_TALLY` where to write it.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path


class Drain:
    """One drain of `jobs` jobs, written to `path` when the last of them runs."""

    def __init__(self, jobs: int, path: Path) -> None:
        self._jobs = jobs
        self._path = path
        self._runs = itertools.count(1)  # next() on it is atomic, so peers with threads need no lock
        self._started = 0.0
        self._used = 0.0

    def count(self) -> None:
        """Note that one job runs; the first one begins the drain."""
        run = next(self._runs)
        if run == 1:
            self._started, self._used = time.perf_counter(), time.process_time()
        elif run == self._jobs:
            seconds, processor = time.perf_counter() - self._started, time.process_time() - self._used
            write(self._path, jobs=self._jobs - 1, seconds=seconds, processor=processor)


def write(path: Path, **figures: float) -> None:
    """Write a tally in one move, so that no reader sees half of it."""
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(figures))
    draft.replace(path)


JOBS = int(os.environ.get("BENCH_JOBS", "0"))
PATH = Path(os.environ.get("BENCH_TALLY", os.devnull))
count = Drain(JOBS, PATH).count
