"""Features that nobody uses are not executed: of each only the look at whether it is used, once or twice a job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from aioqueue import Queue, Task, Worker
from tests.performance.counting import Calls, fewest

pytestmark = pytest.mark.asyncio

JOBS = 500
BATCH = 100
A_BATCH_MAY = 0.2  # calls a job that are in truth calls a batch, or of the worker's start

# What may be called for a job that uses none of it: a look at a flag or at a list.
LOOKS = {
    "aioqueue/signals.py": 0,
    "aioqueue/events.py": 0,
    "aioqueue/news.py": 0,
    "aioqueue/newsroom.py": 0,
    "aioqueue/notes.py": 0,
    "aioqueue/subscriptions.py": 0,
    "aioqueue/inbox.py": 0,
    "aioqueue/hooks.py": 3,
    "aioqueue/guards.py": 1,
    "aioqueue/worker/guarding.py": 0,
    "aioqueue/worker/herald.py": 2,
    "aioqueue/retry.py": 0,
    "aioqueue/resources.py": 0,
    "aioqueue/seal.py": 0,
    "aioqueue/signed.py": 0,
    "aioqueue/periodic.py": 0,
    "aioqueue/keyvalue.py": 0,
    "aioqueue/canvas/handover.py": 0,
    "aioqueue/canvas/chord.py": 0,
    "asyncio/timeouts.py": 0,
    "inspect.py": 0,
}


async def body(number: int) -> int:
    return number


def plain_queue() -> tuple[Queue, Task[[int], int]]:
    """A queue in memory with one task, and nothing else."""
    queue = Queue("memory://")
    return queue, queue.task(name="body")(body)


async def counted(queue: Queue, task: Task[[int], int]) -> Calls:
    """The calls of `JOBS` jobs from their enqueueing to their end."""

    async def enqueue_and_drain() -> None:
        await asyncio.gather(*(task(number) for number in range(JOBS)))
        await Worker(queue, concurrency=BATCH).drain()

    async with queue:
        await enqueue_and_drain()  # what is done once is done now
        return await fewest(enqueue_and_drain)


async def test_what_nobody_uses_is_not_executed() -> None:
    calls = await counted(*plain_queue())
    for file, looks in LOOKS.items():
        each = calls.of(file) / JOBS
        assert each <= looks + A_BATCH_MAY, (
            f"{each:.2f} calls into {file} for a job that uses nothing of it, where {looks} are allowed:\n"
            f"{calls.busiest(JOBS)}\nAsk first whether the feature is used, as `Herald.is_needed` and `Hooks.on_loop` "
            "do, and build, await or tell nothing if it is not."
        )


async def test_what_other_tasks_use_costs_a_plain_one_nothing() -> None:
    alone = await counted(*plain_queue())
    queue, task = plain_queue()

    @queue.task(retries=3, timeout=10, unique="other", priority=3, expires=10)
    @queue.lock_task("other")
    @queue.rate_limit("other", 10, per=1)
    async def other() -> None: ...

    beside = await counted(queue, task)
    more = (beside.ours - alone.ours) / JOBS
    assert more <= A_BATCH_MAY, f"{more:+.2f} calls a job:\n{beside.busiest(JOBS)}"


async def test_a_handler_that_is_gone_costs_nothing() -> None:
    alone = await counted(*plain_queue())
    queue, task = plain_queue()
    handler = queue.signal()(lambda _signal, _job: None)
    queue.disconnect_signal(handler)
    gone = await counted(queue, task)
    more = (gone.ours - alone.ours) / JOBS
    assert more <= A_BATCH_MAY, f"{more:+.2f} calls a job:\n{gone.busiest(JOBS)}"


def with_handler(queue: Queue) -> Task[[int], int]:
    queue.signal()(lambda _signal, _job: None)
    return queue.task(name="body")(body)


def with_hooks(queue: Queue) -> Task[[int], int]:
    queue.pre_execute(lambda _job: None)
    queue.post_execute(lambda _job, _value, _error: None)
    return queue.task(name="body")(body)


def with_timeout(queue: Queue) -> Task[[int], int]:
    return queue.task(name="body", timeout=60)(body)


def with_limit(queue: Queue) -> Task[[int], int]:
    return queue.task(name="body")(queue.rate_limit("body", 1_000_000, per=60)(body))


@pytest.mark.parametrize(
    ("use", "file"),
    [
        (with_handler, "aioqueue/signals.py"),
        (with_hooks, "aioqueue/hooks.py"),
        (with_timeout, "asyncio/timeouts.py"),
        (with_limit, "aioqueue/guards.py"),
    ],
)
async def test_what_is_used_is_counted(use: Callable[[Queue], Task[[int], int]], file: str) -> None:
    queue = Queue("memory://")
    assert (await counted(queue, use(queue))).of(file) / JOBS >= LOOKS[file] + 1


async def test_events_are_made_while_somebody_listens() -> None:
    queue, task = plain_queue()
    heard = asyncio.Event()

    async def listen() -> None:
        async for _ in queue.events():
            heard.set()

    async with queue:
        listening = asyncio.create_task(listen())
        while not heard.is_set():
            await task(0)
        calls = await counted(queue, task)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert calls.of("aioqueue/events.py") / JOBS >= 1
