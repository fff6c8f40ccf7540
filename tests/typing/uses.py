"""What applications write, and the types they get: every line must pass mypy --strict and pyright."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, assert_type

from aiohttp import web
from fastapi import FastAPI, Request, Response
from litestar import Litestar
from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse

from aioqueue import (
    Chord,
    DeadLetter,
    Depends,
    Event,
    Group,
    Job,
    JobState,
    Pipeline,
    PipelineResult,
    Queue,
    Result,
    ResultGroup,
    Task,
    TaskException,
    chord,
    cron,
    crontab,
    current_job,
    every,
    group,
)
from aioqueue.frameworks import aiohttp as for_aiohttp
from aioqueue.frameworks import litestar as for_litestar
from aioqueue.frameworks.starlette import cancel_on_disconnect, lifespan, progress, respond
from aioqueue.signals import SIGNAL_COMPLETE, SIGNAL_ERROR, Signal

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


@queue.periodic_task(crontab(minute="*/5"))
async def beat() -> None: ...


@queue.periodic_task(crontab(), retries=3)
def beat_sync() -> int:
    return 1


@queue.periodic_task(cron("*/5 9-17 * * mon-fri", tz="Europe/Berlin"), misfire="skip")
async def on_time() -> None: ...


@queue.periodic_task(every(seconds=10), results=True)
async def counted() -> int:
    return 1


@queue.task
async def fib(a: int, b: int = 1) -> tuple[int, int]:
    return a + b, a


@queue.task
async def row(x: int) -> dict[str, int]:
    return {"a": x, "b": 1}


@queue.task
async def total(xs: Sequence[int], scale: float = 1.0) -> float:
    return sum(xs) * scale


@queue.task
async def length(names: list[str]) -> int:
    return len(names)


@queue.task
async def summed(xs: list[int]) -> int:
    return sum(xs)


@queue.task
async def of_groups(groups: list[list[int]]) -> int:
    return len(groups)


@queue.task
async def of_both(values: list[int | list[int]]) -> int:
    return len(values)


@queue.task
async def wide(x: float | None, label: str) -> str:
    return label


@queue.task
async def failed(error: TaskException, tag: str = "") -> None: ...


async def _plain(a: int) -> int:
    return a


plain = queue.task()(_plain)


@asynccontextmanager
async def session() -> AsyncGenerator[int, None]:
    yield 1


@contextmanager
def connection() -> Generator[str, None, None]:
    yield "open"


@queue.context_task(session)
async def within(n: int) -> str:
    return ""


@queue.context_task(session, as_argument=True, retries=1)
async def within_arg(s: int, n: str) -> str:
    return n


@queue.context_task(connection, as_argument=True)
def within_connection(c: str, n: int) -> int:
    return n


class Db:
    def open(self) -> None: ...
    def close(self) -> None: ...


@queue.closing_task(Db())
def report(day: str, company: int) -> int:
    return 1


@queue.signal()
def at_every(signal: Signal, job: Job[Any], exc: BaseException | None = None) -> None: ...


@queue.signal(SIGNAL_ERROR)
async def at_error(signal: Signal, job: Job[Any], exc: BaseException | None = None) -> None: ...


@queue.signal()
def three(signal: Signal, job: Job[Any], exc: BaseException | None) -> None: ...


@queue.signal(SIGNAL_COMPLETE)
def two(signal: Signal, job: Job[Any]) -> None: ...


@queue.signal(SIGNAL_COMPLETE, "locked")
def loose(signal: str, job: Job[Any], exc: object = None) -> None: ...


@queue.signal()
def untyped(signal, job, exc=None):  # type: ignore[no-untyped-def]
    ...


queue.disconnect_signal(two)
queue.disconnect_signal(at_every, SIGNAL_ERROR)


@queue.on_startup
async def up() -> None: ...


@queue.on_startup(scope="thread")
def up_in_a_thread() -> None: ...


@queue.on_shutdown(scope="process")
def down() -> None: ...


@queue.pre_execute
def pre(job: Job[Any]) -> None: ...


@queue.post_execute
async def post(job: Job[Any], value: Any, exc: BaseException | None) -> None: ...


@queue.periodic_task(crontab())
@queue.lock_task("reports", ttl=60)
async def locked() -> None: ...


@queue.task(retries=3)
@queue.semaphore(lambda user: f"user:{user}", 2)
@queue.rate_limit("calls", 10, per=60)
async def guarded(user: str) -> int:
    return 1


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


async def decorated() -> None:
    assert_type(await (await within(1)), str)
    assert_type(await (await within_arg("n")), str)
    assert_type(await (await within_connection(1)), int)
    assert_type(await (await report("d", 1)), int)
    assert_type(await (await guarded("ann")), int)
    await beat()
    await on_time()
    await locked()
    assert_type(await (await beat_sync()), int)
    assert_type(await (await counted()), int)
    assert_type(crontab(minute="*/5")(datetime.now(UTC)), bool)
    assert_type(every(seconds=10).next(datetime.now(UTC)), datetime)
    assert_type(crontab.hourly(), crontab)


async def pipelines() -> None:
    p = add.s(1, 2).then(add, 3).then(add, 4)
    assert_type(p, Pipeline[int, int])
    assert_type(await (await queue.enqueue(p)), list[int])
    p2 = add.s(1, 2).then(wide, "x")
    assert_type(p2, Pipeline[int | str, str])
    pr = await queue.enqueue(p2)
    assert_type(pr, PipelineResult[int | str, str])
    assert_type(await pr.last, str)
    f = fib.s(1).then(fib).then(fib)
    assert_type(f, Pipeline[tuple[int, int], tuple[int, int]])
    d = row.s(1).then(add)
    assert_type(d, Pipeline[dict[str, int] | int, int])
    kw = add.s(1).then(wide, label="x")
    assert_type(kw, Pipeline[int | str, str])
    n = nothing.s().then(add, 1)
    assert_type(n, Pipeline[int | None, int])
    assert_type(add.s(1).error(failed, "t"), Job[int])
    assert_type(add.s(1).then(add).error(failed, tag="t"), Pipeline[int, int])


async def canvases() -> None:
    g = await queue.enqueue(group([add.s(1, 2), add.s(3, 4)]))
    assert_type(g, ResultGroup[int])
    assert_type(await g, list[int])
    assert_type(g[0], Result[int])
    async for one in g.as_completed():
        assert_type(await one, int)
    c = await queue.enqueue(chord([add.s(1, 2)], total, 2.0))
    assert_type(c, Result[float])
    assert_type(await c, float)
    assert_type(await queue.enqueue(chord(group([add.s(1, 2)]), total)), Result[float])
    pipelines = [slow.s(name).then(length) for name in ("a", "b")]
    assert_type(chord(pipelines, total, 2.0), Chord[float])
    assert_type(chord([add.s(1, 2), add.s(3).then(add, b=4), chord(pipelines, summed)], total), Chord[float])
    assert_type(chord([group(pipelines), group([add.s(1)])], of_groups), Chord[int])
    assert_type(chord([add.s(1), group(pipelines)], of_both), Chord[int])
    assert_type(group(pipelines), Group[int])
    assert_type(group([chord(pipelines, summed)]), Group[int])
    assert_type(group([group(pipelines)]), Group[list[int]])
    assert_type(await (await queue.enqueue(group(pipelines))), list[int])
    assert_type(await add.schedule((1, 2), delay=10), Result[int])
    assert_type(await queue.enqueue(add.s(1)), Result[int])


async def stopping() -> None:
    r = await add.options(unique="k", delay=10)(1)
    assert_type(await r.cancel(), bool)
    assert_type(await r.restore(), bool)
    assert_type(await r.is_revoked(), bool)
    assert_type(await r.reschedule(delay=5), Result[int])
    await r.revoke()
    await add.revoke(revoke_until=datetime.now(UTC))
    await add.revoke(revoke_once=True)
    assert_type(await add.restore(), bool)
    assert_type(await add.is_revoked(), bool)


async def news() -> None:
    async for event in queue.events():
        assert_type(event, Event)
    async for step in (await add(1)).events(after=3):
        assert_type(step, Event)
    await current_job().progress(1, 2, "half")


async def coordination() -> None:
    async with queue.lock_task("a"), queue.semaphore("s", 2), queue.rate_limit("r", 10, per=1):
        assert_type(await queue.is_locked("a"), bool)
    assert_type(await queue.flush_locks("a"), int)
    assert_type(await queue.kv.get("k", None, type=int), int | None)
    assert_type(await queue.kv.put_if_absent("k", 1, ttl=5), bool)
    assert_type(await queue.kv.delete("k"), bool)
    assert_type(await queue.kv.increment("n"), int)
    await queue.kv.put("k", {"a": 1})


async def looking() -> None:
    assert_type(await queue.pending(limit=5), list[Job[Any]])
    assert_type(await queue.scheduled(), list[Job[Any]])
    assert_type(await queue.running(), list[Job[Any]])
    assert_type(await queue.dead(), list[DeadLetter])
    assert_type(await queue.counts(), Mapping[JobState, int])
    assert_type(await queue.replay("id"), Result[Any])
    assert_type(queue.result("id"), Result[Any])


class Store:
    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *exc: object) -> None: ...


async def open_db() -> AsyncIterator[Store]:
    yield Store()


def open_generated() -> Generator[Store, None, None]:
    yield Store()


def open_iterated() -> Iterator[Store]:
    yield Store()


async def connect() -> Store:
    return Store()


@asynccontextmanager
async def db_within() -> AsyncIterator[Store]:
    yield Store()


@queue.task
async def dependent(
    day: str,
    db: Store = Depends(open_db, scope="worker"),
    generated: Store = Depends(open_generated),
    iterated: Store = Depends(open_iterated),
    connected: Store = Depends(connect),
    within: Store = Depends(db_within),
    made: Store = Depends(Store),
    said: Annotated[Store, Depends(open_db, scope="worker")] = Depends(),
    number: int = Depends(lambda: 7),
) -> int:
    return len(day)


@queue.periodic_task(crontab())
async def dependent_beat(db: Store = Depends(open_db)) -> None: ...


async def dependencies() -> None:
    assert_type(await dependent("monday"), Result[int])
    assert_type(await dependent.call("monday"), int)
    with queue.override(open_db, Store), queue.override(connect, Store):
        assert_type(await dependent.call_local("monday"), int)


app = FastAPI(lifespan=lifespan(queue, worker={"concurrency": 10}))
litestar_app = Litestar(lifespan=[for_litestar.lifespan(queue)])
aiohttp_app = web.Application()
aiohttp_app.cleanup_ctx.append(for_aiohttp.cleanup_ctx(queue))


async def handler(request: Request) -> Response:
    result = await add(1)
    async with cancel_on_disconnect(request, result):
        assert_type(await progress(result, request), Response)
        return await respond(result, request, timeout=5, link="/there")


async def litestar_handler(request: LitestarRequest[Any, Any, Any]) -> LitestarResponse[bytes]:
    result = await add(1)
    async with for_litestar.cancel_on_disconnect(request, result):
        assert_type(await for_litestar.progress(result, request), LitestarResponse[bytes])
        return await for_litestar.respond(result, request, timeout=5, link="/there")


async def aiohttp_handler(request: web.Request) -> web.Response:
    result = await add(1)
    async with for_aiohttp.cancel_on_disconnect(request, result):
        assert_type(await for_aiohttp.progress(result, request), web.StreamResponse)
        return await for_aiohttp.respond(result, request, timeout=5, link="/there")


def from_threads() -> None:
    sr = queue.sync(add(1, 2))
    assert_type(sr, Result[int])
    assert_type(queue.sync(sr, timeout=5), int)
    assert_type(queue.sync(add.call(1, 2)), int)
    with queue.sync.enter(queue.lock_task("x")):
        pass
    for ev in queue.sync.iterate(queue.events()):
        assert_type(ev, Event)


async def main() -> None:
    async with queue as opened:
        assert_type(opened, Queue)
        await calls()
