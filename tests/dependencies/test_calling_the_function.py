"""`task.fn` is still a function: what its caller gives is used, and nothing is opened for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest

from aioqueue import Depends, Job, Queue, SerializationError, TaskException
from aioqueue.serializers import PLAIN

pytestmark = pytest.mark.asyncio
Log = list[str]


class Opened:
    """Factories of a connection, and of a repository that alone needs it; all note that they were called."""

    def __init__(self, log: Log) -> None:
        def connect() -> Iterator[str]:
            log.append("connect")
            yield "connection"
            log.append("disconnect")

        async def make_repository(connection: str = Depends(connect)) -> str:
            log.append("make repository")
            return f"repository of {connection}"

        def name() -> str:
            log.append("name")
            return "name"

        self.repository = make_repository
        self.name = name


@pytest.fixture
def opened(log: Log) -> Opened:
    return Opened(log)


@pytest.fixture(params=["loop", "thread"])
def call(request: pytest.FixtureRequest, memory_queue: Queue, opened: Opened) -> Callable[..., Any]:
    """Call the function of a task: a coroutine function on the loop, a plain one in a thread."""

    async def on_loop(x: int, db: str = Depends(opened.repository), name: str = Depends(opened.name)) -> list[Any]:
        return [x, db, name]

    def in_thread(x: int, db: str = Depends(opened.repository), name: str = Depends(opened.name)) -> list[Any]:
        return [x, db, name]

    if request.param == "loop":
        return memory_queue.task(on_loop).fn
    fn = memory_queue.task(in_thread).fn
    return lambda *args, **kwargs: asyncio.to_thread(fn, *args, **kwargs)


async def test_what_nobody_gives_is_opened(call: Callable[..., Any], log: Log) -> None:
    assert await call(1) == [1, "repository of connection", "name"]
    assert await call(x=1) == [1, "repository of connection", "name"]
    assert log == ["connect", "make repository", "name", "disconnect"] * 2


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1, "fake"), {}), ((1,), {"db": "fake"}), ((), {"x": 1, "db": "fake"})],
    ids=["by place", "by name", "all by name"],
)
async def test_what_is_given_is_used_and_neither_it_nor_what_only_it_needs_is_opened(
    call: Callable[..., Any], log: Log, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert await call(*args, **kwargs) == [1, "fake", "name"]
    assert log == ["name"]


async def test_all_may_be_given(call: Callable[..., Any], log: Log) -> None:
    assert await call(1, "fake", "nobody") == [1, "fake", "nobody"]
    assert await call(1, name="nobody", db=None) == [1, None, "nobody"]
    assert log == []


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((1, 2, 3, 4), {}, "too many positional arguments"),
        ((1,), {"dbs": "fake"}, "unexpected keyword argument 'dbs'"),
        ((), {"db": "fake"}, "missing a required argument: 'x'"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
        ((1, "fake"), {"db": "fake"}, "multiple values for argument 'db'"),
        ((1, 2, 3, 4), {"db": "fake"}, "too many positional arguments"),
    ],
)
async def test_what_does_not_fit_is_refused_before_anything_is_opened(
    call: Callable[..., Any], log: Log, args: tuple[Any, ...], kwargs: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=rf"(on_loop|in_thread)\(\) .*{said}"):
        await call(*args, **kwargs)
    assert log == []


async def test_in_front_and_between_it_is_given_by_name_or_all_by_place(memory_queue: Queue) -> None:
    @memory_queue.task
    async def first(db: Annotated[str, Depends(lambda: "db")], a: int, b: int = 2) -> list[Any]:
        return [db, a, b]

    @memory_queue.task
    async def between(a: int, db: Annotated[str, Depends(lambda: "db")], b: int = 2, *, c: int = 3) -> list[Any]:
        return [a, db, b, c]

    assert await first.fn(1, 5) == ["db", 1, 5]
    assert await first.fn(1, db="fake") == ["fake", 1, 2]
    assert await first.fn("fake", 1, 5) == ["fake", 1, 5]
    assert await between.fn(1, 5, c=6) == [1, "db", 5, 6]
    assert await between.fn(1, 5, db="fake") == [1, "fake", 5, 3]
    assert await between.fn(1, "fake", 5, c=6) == [1, "fake", 5, 6]
    with pytest.raises(TypeError, match="multiple values for argument 'b'"):
        await between.fn(1, 5, b=5)


async def test_behind_what_the_worker_gives(memory_queue: Queue) -> None:
    @asynccontextmanager
    async def connection() -> AsyncIterator[str]:
        yield "connection"

    @memory_queue.task(context=True)
    async def with_job(job: Job[Any], x: int, db: str = Depends(lambda: "db")) -> list[Any]:
        return [job, x, db]

    @memory_queue.task(context=True)
    def plain_with_job(job: Job[Any], x: int, db: str = Depends(lambda: "db")) -> list[Any]:
        return [job, x, db]

    @memory_queue.context_task(connection, as_argument=True, context=True)
    async def within(conn: str, job: Job[Any], db: Annotated[str, Depends(lambda: "db")], x: int) -> list[Any]:
        return [conn, job, db, x]

    assert await with_job.fn("job", 1, "fake") == ["job", 1, "fake"]
    assert await with_job.fn("job", x=1) == ["job", 1, "db"]
    assert plain_with_job.fn("job", 1, db="fake") == ["job", 1, "fake"]
    assert plain_with_job.fn(job="job", x=1) == ["job", 1, "db"]
    assert await within.fn("job", 1, db="fake") == ["connection", "job", "fake", 1]
    assert await within.fn("job", "fake", 1) == ["connection", "job", "fake", 1]
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        await with_job.fn("job")


async def test_beside_any_number_of_others_it_is_given_by_name(memory_queue: Queue) -> None:
    @memory_queue.task
    async def many(*numbers: int, db: Annotated[str, Depends(lambda: "db")], **named: int) -> list[Any]:
        return [*numbers, db, named]

    assert await many.fn(1, 2, x=3) == [1, 2, "db", {"x": 3}]
    assert await many.fn(1, 2, x=3, db="fake") == [1, 2, "fake", {"x": 3}]


async def test_a_job_never_says_what_is_filled_in(memory_queue: Queue) -> None:
    """Also where the function takes any keyword: neither a call nor the bytes in a store can say it."""

    @memory_queue.task
    async def many(*, db: Annotated[str, Depends(lambda: "db")], **named: str) -> str:
        return db

    @memory_queue.task
    async def names() -> dict[str, str]:
        return {"db": "mine"}

    called: Any = many
    async with memory_queue, memory_queue.worker():
        with pytest.raises(TypeError, match="'db'"):
            await called(db="mine")
        with pytest.raises(TypeError, match="'db'"):
            names.s().then(called, db="mine")
        with pytest.raises(TaskException, match="'db'"):
            await (await memory_queue.enqueue(names.s().then(called))).last
        with pytest.raises(SerializationError, match="'db'"):
            many.parameters.decode(PLAIN.encode({"named": {"db": "mine"}}))
        assert await called.call(x="mine") == "db"


async def test_the_attribute_says_what_it_is() -> None:
    from aioqueue import Task

    assert "without the queue" in (Task.fn.__doc__ or "")
