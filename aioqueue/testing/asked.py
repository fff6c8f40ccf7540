"""The queues that a fixture is asked for, checked where they enter."""

from __future__ import annotations

from aioqueue.queue import Queue


def asked_queues(fixture: str, queues: tuple[object, ...]) -> list[Queue]:
    """Return the queues that a fixture was called with; `TypeError` for none, or for anything else."""
    if not queues:
        raise TypeError(f"{fixture}(queue, ...) takes at least one queue")
    return [_asked(fixture, queue) for queue in queues]


def _asked(fixture: str, queue: object) -> Queue:
    if not isinstance(queue, Queue):
        raise TypeError(f"{fixture}(queue, ...) takes aioqueue.Queue objects, not {queue!r}")
    return queue
