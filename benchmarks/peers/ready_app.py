"""The smallest application: what remains of a worker's start is aioqueue's."""

from __future__ import annotations

import os

from aioqueue import Queue

queue = Queue(os.environ["BENCH_URL"])


@queue.task
async def noop() -> None:
    """Do nothing."""
