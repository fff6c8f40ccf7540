"""What a task depends on is made where it runs, once, and closed in the reverse order."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Annotated, Any

import pytest

from aioqueue import CancelExecution, Depends, Job, Queue, TaskCancelled, TaskException, TaskTimeout, current_job

pytestmark = pytest.mark.asyncio
Log = list[str]


async def nothing() -> None: ...


def kinds(log: Log) -> dict[str, Callable[[], Any]]:
    """Return a factory of each kind; all make 7, and some note when they open and close."""

    async def awaited() -> int:
        return 7

    def generated() -> Iterator[int]:
        log.append("open")
        yield 7
        log.append("close")

    async def generated_async() -> AsyncIterator[int]:
        log.append("open")
        yield 7
        log.append("close")

    class Manager:
        def __enter__(self) -> int:
            log.append("open")
            return 7

        def __exit__(self, *exc: object) -> None:
            log.append("close")

    class AsyncManager:
        async def __aenter__(self) -> int:
            log.append("open")
            return 7

        async def __aexit__(self, *exc: object) -> None:
            log.append("close")

    return {
        "function": lambda: 7,
        "coroutine function": awaited,
        "generator": generated,
        "async generator": generated_async,
        "context manager": contextmanager(generated),
        "async context manager": asynccontextmanager(generated_async),
        "class of context managers": Manager,
        "class of async context managers": AsyncManager,
        "partial": partial(asynccontextmanager(generated_async)),
    }


@pytest.mark.parametrize("kind", kinds([]))
@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_a_factory_of_each_kind(memory_queue: Queue, log: Log, kind: str, where: str) -> None:
    factory = kinds(log)[kind]

    async def on_loop(a: int, seven: int = Depends(factory)) -> int:
        log.append("body")
        return a * seven

    def in_thread(a: int, seven: int = Depends(factory)) -> int:
        log.append("body")
        return a * seven

    task: Any = memory_queue.task(on_loop if where == "loop" else in_thread)
    async with memory_queue, memory_queue.worker():
        assert await task.call(6) == 42
    assert log == (["body"] if "function" in kind else ["open", "body", "close"])


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_each_is_made_once_and_the_last_is_closed_first(queue: Queue, log: Log, where: str) -> None:
    async def open_db() -> AsyncIterator[str]:
        log.append("open db")
        yield "db"
        log.append("close db")

    def open_cache(db: Annotated[str, Depends(open_db)]) -> Iterator[str]:
        log.append("open cache")
        yield f"cache of {db}"
        log.append("close cache")

    async def on_loop(db: str = Depends(open_db), cache: str = Depends(open_cache)) -> list[str]:
        return [db, cache]

    def in_thread(db: str = Depends(open_db), cache: str = Depends(open_cache)) -> list[str]:
        return [db, cache]

    task: Any = queue.task(on_loop if where == "loop" else in_thread)
    async with queue, queue.worker():
        assert await task.call() == ["db", "cache of db"]
        assert log == ["open db", "open cache", "close cache", "close db"]
        await task.call()
    assert len(log) == 8  # one value a job, not one for ever


async def test_callers_pass_the_rest_and_it_may_stand_anywhere(queue: Queue) -> None:
    @queue.task
    async def first(db: Annotated[str, Depends(lambda: "db")], a: int, b: int = 2) -> list[Any]:
        return [db, a, b]

    @queue.task
    async def between(a: int, db: Annotated[str, Depends(lambda: "db")], b: int = 2, *, c: int = 3) -> list[Any]:
        return [a, db, b, c]

    @queue.task
    async def behind_any_number(*numbers: int, db: Annotated[str, Depends(lambda: "db")], **named: int) -> list[Any]:
        return [*numbers, db, named]

    async with queue, queue.worker():
        called: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Any]]] = [
            (first, (1,), {}, ["db", 1, 2]),
            (first, (1, 5), {}, ["db", 1, 5]),
            (between, (1, 5), {"c": 6}, [1, "db", 5, 6]),
            (between, (), {"a": 1, "b": 4}, [1, "db", 4, 3]),
            (behind_any_number, (1, 2), {"x": 3}, [1, 2, "db", {"x": 3}]),
        ]
        for task, args, kwargs, expected in called:
            assert await task.call(*args, **kwargs) == expected
            assert await task.call_local(*args, **kwargs) == expected


async def test_callers_do_not_pass_what_is_filled_in(memory_queue: Queue) -> None:
    @memory_queue.task
    async def report(day: str, db: str = Depends(lambda: "db")) -> str:
        return day + db

    async with memory_queue:
        with pytest.raises(TypeError, match="'db'"):
            await report("monday", db="mine")
        with pytest.raises(TypeError, match="too many positional arguments"):
            await report("monday", "mine")
        with pytest.raises(TypeError, match="'db'"):
            await report.call_local("monday", db="mine")
        assert await memory_queue.pending() == []


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_it_is_closed_after_an_error_which_it_is_told_of(queue: Queue, log: Log, where: str) -> None:
    async def open_db() -> AsyncIterator[str]:
        try:
            yield "db"
        except ValueError as error:
            log.append(f"rolled back: {error}")
            raise
        finally:
            log.append("closed")

    async def on_loop(db: str = Depends(open_db)) -> None:
        raise ValueError("no such day")

    def in_thread(db: str = Depends(open_db)) -> None:
        raise ValueError("no such day")

    task: Any = queue.task(on_loop if where == "loop" else in_thread)
    async with queue, queue.worker():
        with pytest.raises(TaskException, match="ValueError: no such day"):
            await task.call()
    assert log == ["rolled back: no such day", "closed"]


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_it_cannot_make_an_error_undone(memory_queue: Queue, where: str) -> None:
    def swallowing() -> Iterator[str]:
        with suppress(ValueError):
            yield "db"

    async def on_loop(db: str = Depends(swallowing)) -> None:
        raise ValueError("no such day")

    def in_thread(db: str = Depends(swallowing)) -> None:
        raise ValueError("no such day")

    task: Any = memory_queue.task(on_loop if where == "loop" else in_thread)
    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskException, match="ValueError: no such day"):
            await task.call()


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_it_cannot_hide_why_another_was_not_opened(queue: Queue, where: str) -> None:
    errors: list[Exception] = []

    async def swallowing() -> AsyncIterator[str]:
        with suppress(Exception):
            yield "db"

    def failing(db: str = Depends(swallowing)) -> str:
        if errors:
            raise errors.pop()
        return f"user of {db}"

    async def on_loop(user: str = Depends(failing)) -> str:
        return user

    def in_thread(user: str = Depends(failing)) -> str:
        return user

    task: Any = queue.task(retries=1, retry_on=(LookupError,))(on_loop if where == "loop" else in_thread)
    async with queue, queue.worker():
        errors.append(ValueError("no such user"))
        with pytest.raises(TaskException, match="ValueError: no such user"):
            await task.call()
        errors.append(LookupError("not there yet"))
        assert await task.call() == "user of db"
        errors.append(CancelExecution("not today", retry=False))
        with pytest.raises(TaskCancelled):
            await task.call()
    assert errors == []


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_one_that_raises_on_the_way_in_fails_the_job_and_is_tried_again(
    queue: Queue, log: Log, where: str
) -> None:
    def first() -> Iterator[str]:
        log.append("open first")
        yield "first"
        log.append("close first")

    def failing_once(first: str = Depends(first)) -> str:
        if log.count("open first") == 1:
            raise OSError("not there yet")
        return "second"

    async def on_loop(a: str = Depends(failing_once)) -> str:
        return a

    def in_thread(a: str = Depends(failing_once)) -> str:
        return a

    task: Any = queue.task(retries=1)(on_loop if where == "loop" else in_thread)
    hopeless: Any = queue.task(name="hopeless")(on_loop if where == "loop" else in_thread)
    async with queue, queue.worker():
        assert await task.call() == "second"
        log.clear()
        with pytest.raises(TaskException, match="OSError: not there yet"):
            await hopeless.call()
    assert log == ["open first"]


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_one_that_raises_on_the_way_out_fails_the_job_and_the_others_are_closed(
    queue: Queue, log: Log, where: str
) -> None:
    def first() -> Iterator[str]:
        try:
            yield "first"
        finally:
            log.append("close first")

    def not_committed(first: str = Depends(first)) -> Iterator[str]:
        yield "second"
        raise OSError("not committed")

    async def on_loop(a: str = Depends(not_committed)) -> str:
        return a

    def in_thread(a: str = Depends(not_committed)) -> str:
        return a

    task: Any = queue.task(on_loop if where == "loop" else in_thread)
    async with queue, queue.worker():
        with pytest.raises(TaskException, match="OSError: not committed"):
            await task.call()
    assert log == ["close first"]


async def test_it_is_closed_when_the_job_is_cancelled_or_takes_too_long(queue: Queue, log: Log) -> None:
    started = asyncio.Event()

    async def open_db() -> AsyncIterator[str]:
        try:
            yield "db"
        finally:
            await asyncio.sleep(0)  # what is awaited while closing is not cut short
            log.append("closed")

    @queue.task
    async def slow(db: str = Depends(open_db)) -> None:
        started.set()
        await asyncio.Event().wait()

    async with queue, queue.worker():
        result = await slow()
        await started.wait()
        await result.cancel()
        with pytest.raises(TaskCancelled):
            await result
        with pytest.raises(TaskTimeout):
            await (await slow.options(timeout=0.05)())
    assert log == ["closed", "closed"]


async def test_the_time_it_takes_to_open_counts(memory_queue: Queue) -> None:
    async def never_opened() -> str:
        await asyncio.Event().wait()
        return ""

    @memory_queue.task(timeout=0.05)
    async def waiting(db: str = Depends(never_opened)) -> None: ...

    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskTimeout):
            await waiting.call()


async def test_a_thread_that_is_left_behind_closes_it_when_it_ends(memory_queue: Queue) -> None:
    go_on, closed = threading.Event(), threading.Event()

    def open_db() -> Iterator[str]:
        yield "db"
        closed.set()

    @memory_queue.task(timeout=0.05)
    def stubborn(db: str = Depends(open_db)) -> None:
        go_on.wait(10)

    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskTimeout):
            await stubborn.call()
        assert not closed.is_set()
        go_on.set()
        assert await asyncio.to_thread(closed.wait, 5)


async def test_for_a_thread_a_sync_one_is_made_there_and_an_async_one_on_the_loop(memory_queue: Queue) -> None:
    async def on_loop() -> int:
        return threading.get_ident()

    @memory_queue.task
    def places(here: int = Depends(threading.get_ident), there: int = Depends(on_loop)) -> list[int]:
        return [threading.get_ident(), here, there]

    async with memory_queue, memory_queue.worker():
        body, here, there = await places.call()
    assert body == here
    assert there == threading.get_ident()


async def test_the_job_is_known_while_it_is_made(memory_queue: Queue) -> None:
    def id_of_job() -> str:
        return current_job().id

    @memory_queue.task
    async def on_loop(id: str = Depends(id_of_job)) -> str:
        return id

    @memory_queue.task
    def in_thread(id: str = Depends(id_of_job)) -> str:
        return id

    async with memory_queue, memory_queue.worker():
        for task in (on_loop, in_thread):
            result = await task()
            assert await result == result.id


async def test_beside_context_resources_guards_and_unique_keys(queue: Queue, log: Log) -> None:
    @asynccontextmanager
    async def connection() -> AsyncIterator[str]:
        yield "connection"

    @queue.task(context=True, unique=lambda day: day)
    @queue.lock_task(lambda day: day)
    async def all_at_once(job: Job[Any], db: Annotated[str, Depends(lambda: "db")], day: str) -> list[str]:
        return [job.id, db, day]

    @queue.context_task(connection, as_argument=True, context=True)
    async def within(conn: str, job: Job[Any], db: Annotated[str, Depends(lambda: "db")], day: str) -> list[str]:
        return [conn, db, day]

    async with queue, queue.worker():
        result = await all_at_once("monday")  # type: ignore[arg-type, call-arg]
        assert await result == [result.id, "db", "monday"]
        called: Any = within
        assert await called.call("monday") == ["connection", "db", "monday"]
        assert await called.call_local("monday") == ["connection", "db", "monday"]


async def test_in_a_pipeline(queue: Queue) -> None:
    @queue.task
    async def one() -> int:
        return 1

    @queue.task
    async def plus(number: int, more: int = Depends(lambda: 10)) -> int:
        return number + more

    async with queue, queue.worker():
        assert await (await queue.enqueue(one.s().then(plus).then(plus))).last == 21


async def test_of_a_periodic_task(memory_queue: Queue) -> None:
    from aioqueue import every

    seen = asyncio.Event()

    @memory_queue.periodic_task(every(seconds=1))
    async def beat(said: Callable[[], None] = Depends(lambda: seen.set)) -> None:
        said()

    async with memory_queue, memory_queue.worker(), asyncio.timeout(10):
        await seen.wait()


async def test_in_immediate_mode(log: Log) -> None:
    queue = Queue("memory://", immediate=True)

    def open_db() -> Iterator[str]:
        log.append("open")
        yield "db"
        log.append("close")

    @queue.task
    async def report(db: str = Depends(open_db)) -> str:
        return db

    async with queue:
        assert await report.call() == "db"
        assert log == ["open", "close"]


async def test_called_locally(memory_queue: Queue, log: Log) -> None:
    async def pool() -> AsyncIterator[str]:
        log.append("open")
        yield "pool"
        log.append("close")

    @memory_queue.task
    async def on_loop(a: int, pool: str = Depends(pool, scope="worker")) -> str:
        return f"{a} {pool}"

    @memory_queue.task
    def in_thread(a: int, pool: str = Depends(pool, scope="worker")) -> str:
        return f"{a} {pool}"

    assert await on_loop.call_local(1) == "1 pool"
    assert await in_thread.call_local(2) == "2 pool"
    assert log == ["open", "close"] * 2


async def test_a_class_is_its_own_factory(memory_queue: Queue) -> None:
    class Repository:
        def __init__(self, db: str = Depends(lambda: "db")) -> None:
            self.db = db

    @memory_queue.task
    async def report(repository: Annotated[Repository, Depends()]) -> str:
        return repository.db

    @memory_queue.task
    async def other(repository: Repository = Depends(Repository)) -> str:
        return repository.db

    called: Any = report
    async with memory_queue, memory_queue.worker():
        assert await called.call() == "db"
        assert await other.call() == "db"


async def test_a_task_without_dependencies_is_its_own_function(memory_queue: Queue) -> None:
    async def plain(a: int) -> int:
        return a

    assert memory_queue.task(plain).fn is plain
