"""Tasks with guards that run in processes: their children import this module."""

from __future__ import annotations

import os
import time
from pathlib import Path

from aioqueue import Lock, Queue

queue = Queue("memory://")


async def _no_session() -> None:
    raise AssertionError("the worker takes the lock on its own driver")


lock = Lock(_no_session, "process", ttl=30)  # type: ignore[arg-type]


@queue.task(executor="process")
@lock
def until(began: str, end: str) -> int:
    Path(began).touch()
    while not Path(end).exists():
        time.sleep(0.005)
    return os.getpid()
