"""Who is told, in this process, of every job that any of its queues stores: what a test records by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Driver
from aioqueue.registry import Registry

Witness: TypeAlias = Callable[[Registry, Driver, Sequence[Job[Any]]], Awaitable[None]]

# Looked at with each enqueue: having none costs no more than that.
witnesses: Final[list[Witness]] = []


@contextmanager
def witnessing(witness: Witness) -> Iterator[None]:
    """Have `witness(registry, driver, jobs)` awaited after each enqueue within a block, on whichever queue.

    `registry` is that of the queue and `driver` the open one. `jobs` are those that were stored: none that was there
    already, and none that a worker makes of another.
    """
    witnesses.append(witness)
    try:
        yield
    finally:
        witnesses.remove(witness)
