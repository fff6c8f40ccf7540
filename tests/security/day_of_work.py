"""One of everything a queue does, whatever its store and its serializer."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from aioqueue import Queue, RetryTask, TaskException, chord, current_job, group
from aioqueue.schedules import every
from tests.security.process_tasks import TASKS


async def do_a_day_of_work(queue: Queue) -> None:
    """Call tasks in every way there is, and look at what became of each; in the end the queue is empty."""
    async with queue, queue.worker(concurrency=4), asyncio.timeout(30):
        for hour in (_call, _try_again, _hand_on, _gather, _fail, _fire, _keep, _steer):
            await hour(queue)
    assert set((await queue.counts()).values()) == {0}
    await queue.flush()
    await queue.close()


async def _call(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int = 2) -> int:
        return a + b

    in_child = TASKS[queue.serializer.name]
    queue.registry.add(in_child)
    assert await add.call(1) == 3
    assert await add.options(delay=0.01, priority=3, unique="k").call(1, b=5) == 6
    assert await (await add.map([(1, 2), (3, 4), 5])) == [3, 7, 7]
    assert await queue.result((await queue.enqueue(in_child.s(21))).id) == 42


async def _try_again(queue: Queue) -> None:
    @queue.task(retries=2)
    def flaky(n: int) -> int:
        if current_job().retries == 2:
            raise ValueError("not yet")
        return current_job().tries

    @queue.task
    async def again() -> int:
        if current_job().tries == 0:
            raise RetryTask
        return current_job().tries

    assert await flaky.call(2) == 1
    assert await again.call() == 1


async def _hand_on(queue: Queue) -> None:
    @queue.task
    async def pair(n: int) -> tuple[int, int]:
        return n, n + 1

    @queue.task
    async def fields(a: int, b: int) -> dict[str, int]:
        return {"a": a, "b": b}

    @queue.task
    async def nothing(a: int, b: int) -> None: ...

    @queue.task
    async def last(a: int, b: int) -> int:
        return a + b

    stages = await queue.enqueue(pair.s(1).then(fields).then(nothing).then(last, 3, 4))
    assert await stages == [(1, 2), {"a": 1, "b": 2}, None, 7]


async def _gather(queue: Queue) -> None:
    @queue.task
    async def value(n: int) -> int:
        return n

    @queue.task
    async def pair(n: int) -> tuple[int, int]:
        return n, n + 1

    @queue.task
    async def total(numbers: list[int], times: int = 1) -> int:
        return sum(numbers) * times

    @queue.task
    async def flat(values: list[list[int] | int], last: int) -> list[int]:
        return [*(n for one in values for n in (one if isinstance(one, list) else [one])), last]

    nested = chord([group([value.s(2), value.s(4)]), value.s(6)], flat, 2)
    assert await (await queue.enqueue(nested)) == [2, 4, 6, 2]
    assert await (await queue.enqueue(chord([], total))) == 0
    assert await (await queue.enqueue(chord([value.s(2), pair.s(4).then(value_of_two(queue))], total, 10))) == 110


def value_of_two(queue: Queue):  # type: ignore[no-untyped-def]
    @queue.task
    async def both(a: int, b: int) -> int:
        return a + b

    return both


async def _fail(queue: Queue) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    @queue.task
    async def fail(n: int = 0) -> int:
        raise ValueError(f"no {n}")

    @queue.task
    async def note(error: TaskException, name: str) -> None:
        told.put_nowait(f"{name}: {type(error).__name__}: {error.error}")

    result = await queue.enqueue(fail.s(5).error(note, "mine"))
    with pytest.raises(TaskException, match="no 5"):
        await result
    assert await told.get() == "mine: TaskException: ValueError: no 5"


async def _fire(queue: Queue) -> None:
    fired = asyncio.Event()

    @queue.periodic_task(every(seconds=1), name="beat")
    async def beat() -> None:
        fired.set()

    async with queue.worker():  # one that knows of it from its start
        await fired.wait()
    queue.periodic.clear()


async def _keep(queue: Queue) -> None:
    await queue.kv.put("key", {"a": [1]}, ttl=5)
    assert not await queue.kv.put_if_absent("key", 2)
    assert await queue.kv.get("key") == {"a": [1]}
    assert await queue.kv.pop("key") == {"a": [1]}
    assert await queue.kv.increment("count", 3) == await queue.kv.get("count") == 3
    assert await queue.kv.delete("count")


async def _steer(queue: Queue) -> None:
    @queue.task
    async def late(n: int) -> None: ...

    async with queue.lock_task("one"):
        assert await queue.is_locked("one")
    async with queue.rate_limit("often", 5, 1), queue.semaphore("some", 2):
        await queue.flush_locks()
    assert (await queue.workers())[0].available
    await queue.pause()
    results = [await late.options(delay=60)(n) for n in range(2)]
    assert {job.task_name for job in await queue.scheduled()} == {late.name}
    await results[0].revoke()
    assert await results[0].is_revoked() and await results[0].restore()
    await results[0].reschedule(delay=30)
    for result in results:
        assert await result.cancel()
    await queue.resume()
    with pytest.raises(LookupError):
        await queue.replay(results[0].id)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(queue.events())
