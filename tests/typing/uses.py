"""What applications write, and the types they get: every line must pass mypy --strict and pyright."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

from aioqueue import Job, JobState, Queue, Result, ResultGroup, Task, current_job

queue = Queue("memory://")


@queue.task
async def bare(x: float) -> str:
    return str(x)


@queue.task
def bare_sync(x: float) -> str:
    return str(x)


@queue.task()
async def add(a: int, b: int = 2) -> int:
    return a + b


@queue.task()
def add_sync(a: int, b: int) -> int:
    return a + b


@queue.task(retries=2)
def slow(name: str) -> list[str]:
    return [name]


@queue.task(retries=2, timeout=60, executor="process")
def render(path: str, *, dpi: int = 72) -> bytes:
    return b""


@queue.task
async def nothing() -> None: ...


@queue.task(context=True)
async def with_job(job: Job[Any], n: int, *, flag: bool = False) -> int:
    return n


@queue.task(context=True, retries=1)
def with_job_sync(job: Job[Any], n: int) -> int:
    return n


async def _plain(a: int) -> int:
    return a


plain = queue.task()(_plain)


async def calls() -> None:
    as_annotation: Task[[float], str] = bare
    assert_type(await (await as_annotation(1)), str)
    assert_type(await (await slow("x")), list[str])
    assert_type(await (await bare(1.0)), str)
    assert_type(await (await bare_sync(1.0)), str)
    assert_type(await (await render("x", dpi=3)), bytes)
    assert_type(await (await add_sync(1, 2)), int)
    assert_type(await (await plain(1)), int)
    assert_type(await add.call(1, 2), int)
    assert_type(await add.call_local(1, 2), int)
    assert_type(await (await add.options(delay=1)(1, 2)), int)
    assert_type(add.s(1, 2), Job[int])
    await (await nothing())


async def context() -> None:
    assert_type(await (await with_job(1, flag=True)), int)
    assert_type(await (await with_job_sync(1)), int)
    assert_type(current_job(), Job[Any])
    assert_type(current_job().id, str)


async def results() -> None:
    r = await add(1, b=2)
    assert_type(r, Result[int])
    assert_type(await r, int)
    assert_type(await r.get(timeout=1), int)
    assert_type(await r.ready(), bool)
    assert_type(await r.state(), JobState)
    assert_type(add.result("id"), Result[int])


async def the_usual_asyncio_company() -> None:
    r = await add(1)
    assert_type(await asyncio.wait_for(r, 5), int)
    assert_type(await asyncio.gather(r, await bare(1.0)), tuple[int, str])
    async with asyncio.TaskGroup() as tg:
        t = tg.create_task(r.get())
    assert_type(t.result(), int)


async def groups() -> None:
    g = await add.map([(1, 2), (3, 4)])
    assert_type(g, ResultGroup[int])
    assert_type(await g, list[int])
    assert_type(await g.get(timeout=1), list[int])
    assert_type(g[0], Result[int])
    assert_type(g[:1], ResultGroup[int])
    async for one in g.as_completed():
        assert_type(await one, int)
    assert_type(await add.map([(1,), (2,)]), ResultGroup[int])
    assert_type(await bare.map([1.0, 2.0]), ResultGroup[str])


async def main() -> None:
    async with queue as opened:
        assert_type(opened, Queue)
        await calls()
