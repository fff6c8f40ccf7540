"""The life of a worker's threads: startup hooks before the first body in each, shutdown hooks when it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from aioqueue.canvas.job import Job
from aioqueue.hooks import Hooks

logger = logging.getLogger("aioqueue")


class _Started:
    """Lives in a thread's own storage, so that it is dropped, in that thread, when the thread ends."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        hooks.start_here("thread")

    def __del__(self) -> None:
        self._hooks.stop_here("thread")


_here = threading.local()


def run_in_thread(hooks: Hooks, job: Job[Any], body: Callable[[], Any]) -> Any:
    """Run a plain body in this thread, with the sync hooks around it."""
    if hooks.in_threads:
        started: dict[Hooks, _Started] = _here.__dict__.setdefault("started", {})
        if hooks not in started:
            started[hooks] = _Started(hooks)
    return hooks.run_body(job, body) if hooks.in_body else body()
