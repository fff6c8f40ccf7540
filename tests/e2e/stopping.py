"""Stopping the processes that run bodies, so that a job stands still for as long as a test looks at it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def standing_still(worker: int) -> Iterator[None]:
    """Stop every child of a worker (SIGSTOP) for the length of a block; the worker itself goes on."""
    children = children_of(worker)
    assert children
    for child in children:
        os.kill(child, signal.SIGSTOP)
    try:
        yield
    finally:
        for child in children:
            with suppress(ProcessLookupError):  # a job that is cancelled takes its process along
                os.kill(child, signal.SIGCONT)


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children and theirs."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    own = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return own + [later for child in own for later in children_of(child)]
