"""`aioqueue worker --dry-run`: what it would run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from aioqueue.cli.running.serving import load_queues, new_worker
from aioqueue.cli.running.settings import Settings
from aioqueue.queue import Queue

_SAID_ABOVE: Final = ("apps", "number", "workers", "concurrency", "threads")
_SAID_OF_FLAGS: Final = {"True": "yes", "False": "no"}


def plan(settings: Settings) -> str:
    """Import the queues, connect to nothing, and describe what would be run; raises `CannotStart`."""
    queues = load_queues(settings)
    new_worker(settings, queues)
    described = [line for queue in queues for line in _queue(queue)]
    return "\n".join([*_processes(settings), *described, *_options(settings)])


def _processes(settings: Settings) -> Iterator[str]:
    many = f"{settings.workers} processes under a supervisor, each" if settings.is_supervised else "one process"
    yield f"would run {many} with up to {settings.concurrency} jobs at once, {settings.threads} of them in threads"


def _queue(queue: Queue) -> Iterator[str]:
    periodic = {task.name for task in queue.periodic}
    yield f"{queue!r}"
    for task in sorted(queue.registry, key=lambda task: task.name):
        yield f"  {task.name}{'  (periodic)' if task.name in periodic else ''}"
    if not any(queue.registry):
        yield "  no tasks"


def _options(settings: Settings) -> Iterator[str]:
    for name, value in msgspec.to_builtins(settings).items():
        if name not in _SAID_ABOVE and value not in (None, ""):
            yield f"{name.replace('_', '-')}: {_SAID_OF_FLAGS.get(str(value), value)}"
