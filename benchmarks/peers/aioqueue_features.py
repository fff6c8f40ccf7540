"""aioqueue with one feature in use: the no-op job under each of them, all else as in aioqueue_peer.py.

The worker's feature is in `BENCH_FEATURE`; `fill` is told.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import tally
from caller import BULK, run

from aioqueue import Job, MsgpackSerializer, Queue
from aioqueue.signals import Signal

KEY = "a key of the benchmark, and no secret"
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "retries": {"retries": 3, "retry_delay": 1, "retry_backoff": 2},
    "unique": {"unique": lambda number: f"number {number}"},
    "timeout": {"timeout": 60},
}


async def noop(number: int) -> int:
    tally.count()
    return number


async def noop_in_context(_job: Job[Any], number: int) -> int:
    tally.count()
    return number


@asynccontextmanager
async def resource() -> AsyncIterator[None]:
    yield


def lock_of(number: int) -> str:
    return f"number {number}"


def hook(queue: Queue) -> None:
    queue.pre_execute(lambda _job: None)
    queue.post_execute(lambda _job, _value, _error: None)


def hook_on_loop(queue: Queue) -> None:
    @queue.pre_execute
    async def before(_job: Job[Any]) -> None: ...

    @queue.post_execute
    async def after(_job: Job[Any], _value: object, _error: BaseException | None) -> None: ...


def handle(queue: Queue, *signals: Signal) -> None:
    queue.signal(*signals)(lambda _signal, _job: None)


def handle_errors(queue: Queue) -> None:
    handle(queue, "error")


def handle_on_loop(queue: Queue) -> None:
    @queue.signal()
    async def handler(_signal: Signal, _job: Job[Any]) -> None: ...


AROUND: Final[dict[str, Callable[[Queue], None]]] = {
    "hooks": hook,
    "async_hooks": hook_on_loop,
    "error_signal": handle_errors,
    "signals": handle,
    "async_signals": handle_on_loop,
}


def queue_with(feature: str) -> Queue:
    """The queue with its one task, and the feature on the one or the other."""
    queue = Queue(os.environ["BENCH_URL"], serializer=MsgpackSerializer(keys=[KEY]) if feature == "signed" else None)
    if feature == "context":
        queue.task(name="noop", context=True)(noop_in_context)
    elif feature == "resource":
        queue.context_task(resource, name="noop")(noop)
    elif feature == "lock":
        queue.task(name="noop")(queue.lock_task(lock_of)(noop))
    elif feature == "rate_limit":
        queue.task(name="noop")(queue.rate_limit("noop", 1_000_000, per=1)(noop))
    else:
        queue.task(name="noop", **OPTIONS.get(feature, {}))(noop)
    AROUND.get(feature, lambda _queue: None)(queue)
    return queue


def fill(feature: str, jobs: int) -> dict[str, object]:
    """Store jobs as the feature has them."""

    async def store() -> dict[str, object]:
        filled = queue_with(feature)
        task: Any = filled.registry.get("noop")
        async with filled:
            for first in range(0, jobs, BULK):
                await task.map(range(first, min(first + BULK, jobs)))
        return {"jobs": jobs}

    return run(store())


def listen() -> dict[str, object]:
    """Read the events of all jobs, until killed."""

    async def read() -> dict[str, object]:
        async for _ in queue.events():
            pass
        return {}

    return run(read())


queue = queue_with(os.environ.get("BENCH_FEATURE", "plain"))
