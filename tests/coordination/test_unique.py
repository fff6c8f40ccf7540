"""Unique jobs: while one lives, enqueueing again answers with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioqueue import ConfigurationError, Job, JobState, Queue, Task
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


async def test_enqueueing_again_answers_with_the_one_there(queue: Queue, make_queue: MakeQueue) -> None:
    @queue.task(unique="only")
    async def body(n: int) -> int:
        return n

    other = make_queue()

    @other.task(unique="only", name=body.name)
    async def same(n: int) -> int:
        return n

    async with queue, other:
        first, again, elsewhere = await body(1), await body(2), await same(3)
        assert first.id == again.id == elsewhere.id
        assert (await queue.counts())[JobState.QUEUED] == 1
        async with queue.worker():
            assert await asyncio.gather(first, again, elsewhere) == [1, 1, 1]


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled", "revoked", "expired"])
async def test_the_key_is_free_when_the_job_has_finished(queue: Queue, end: str) -> None:
    @queue.task(unique="only", expires=100)
    async def body() -> None:
        if end == "failed":
            raise ValueError

    async with queue:
        first = await body()
        if end == "cancelled":
            await first.cancel()
        elif end == "revoked":
            await first.revoke()
        elif end == "expired":
            await (await queue.session()).driver.shift(200)
        async with queue.worker():
            await asyncio.wait([asyncio.ensure_future(first.get(timeout=5))])
            second = await body()
            assert second.id != first.id
            await asyncio.wait([asyncio.ensure_future(second.get(timeout=5))])


async def test_the_key_is_held_while_scheduled_running_and_retried(queue: Queue) -> None:
    began, end = asyncio.Event(), asyncio.Event()

    @queue.task(unique="only", retries=1, retry_delay=100)
    async def body() -> int:
        if not end.is_set():
            began.set()
            await end.wait()
            raise ValueError
        return 1

    async with queue:
        driver = (await queue.session()).driver
        first = await body.options(delay=60)()
        assert (await body()).id == first.id
        await driver.shift(61)
        async with queue.worker():
            await asyncio.wait_for(began.wait(), 5)
            assert (await body()).id == first.id
            end.set()

            async def is_scheduled() -> bool:
                return await first.state() is JobState.SCHEDULED

            await eventually(is_scheduled)
            assert (await body()).id == first.id
        await driver.shift(120)
        async with queue.worker():
            assert await first.get(timeout=5) == 1
            assert (await body()).id != first.id


async def test_a_key_may_depend_on_the_arguments(queue: Queue) -> None:
    @queue.task(unique=lambda user, force=False: f"{user}{force}")
    async def body(user: str, force: bool = False) -> str:
        return user

    async with queue:
        ann, bob, forced = await body("ann"), await body("bob"), await body("ann", force=True)
        assert len({ann.id, bob.id, forced.id}) == 3
        assert (await body(user="ann")).id == ann.id
        assert (await body("ann", True)).id == forced.id


async def test_a_key_may_depend_on_an_argument_that_was_left_to_its_default(queue: Queue) -> None:
    @queue.task(unique=lambda user, force: f"{user}{force}", context=True)
    async def body(job: Job[Any], user: str, other: int = 0, *, force: bool = False) -> None: ...

    @queue.task(unique=lambda **given: repr(sorted(given.items())))
    async def by_all(a: int = 1, b: int = 2) -> None: ...

    async with queue:
        first = await body("ann")
        assert (await body(user="ann", other=5, force=False)).id == first.id
        assert (await body("ann", force=True)).id != first.id
        assert (await by_all()).id == (await by_all(b=2)).id != (await by_all(2)).id


async def test_a_call_says_its_own_key_and_tasks_do_not_share_keys(queue: Queue) -> None:
    @queue.task
    async def body() -> None: ...

    @queue.task
    async def another() -> None: ...

    async with queue:
        first = await body.options(unique="k")()
        assert (await body.options(unique="k")()).id == first.id
        assert (await body.options(unique="other")()).id != first.id
        assert (await body()).id != first.id
        assert (await another.options(unique="k")()).id != first.id


async def test_rows_of_one_map_share_the_key(queue: Queue) -> None:
    @queue.task(unique=lambda n: f"{n}")
    async def body(n: int) -> int:
        return n

    async with queue, queue.worker():
        results = await body.map([1, 2, 1, 2, 1])
        assert await results.get(timeout=5) == [1, 2, 1, 2, 1]
        assert len({one.id for one in results}) <= 5


@pytest.mark.parametrize("key", ["", "x" * 201, 5, b"k"], ids=repr)
async def test_a_bad_key_is_refused(queue: Queue, key: Any) -> None:
    with pytest.raises(ValueError, match="unique"):
        queue.task(unique=key)(asyncio.sleep)

    @queue.task
    async def body() -> None: ...

    with pytest.raises(ValueError, match="unique"):
        body.options(unique=key)

    @queue.task(unique=lambda: key)
    async def computed() -> None: ...

    async with queue:
        with pytest.raises(ValueError, match="unique"):
            await computed()
        assert sum((await queue.counts()).values()) == 0


async def test_a_key_that_cannot_be_made_stores_nothing(queue: Queue) -> None:
    def broken(n: int) -> str:
        raise RuntimeError("no key")

    @queue.task(unique=broken)
    async def body(n: int) -> int:
        return n

    task: Task[..., int] = body
    async with queue:
        with pytest.raises(RuntimeError, match="no key"):
            await task(1)
        with pytest.raises(TypeError, match="'n'"):
            await task("no number")
        assert sum((await queue.counts()).values()) == 0


@pytest.mark.parametrize("unique", [str, lambda x: x, lambda n, /: n, lambda n, *, x: n])
async def test_a_function_that_asks_for_what_the_task_has_not_is_refused(memory_queue: Queue, unique: Any) -> None:
    async def task(n: str) -> None: ...

    with pytest.raises(ConfigurationError, match=r"unique= of .*task.* by name: n"):
        memory_queue.task(unique=unique)(task)


async def test_a_function_may_have_parameters_that_it_does_not_need(memory_queue: Queue) -> None:
    @memory_queue.task(unique=lambda n, x=3, *rest, **more: f"{n}{x}")
    async def task(n: str) -> None: ...

    assert task.s("a") is not None
