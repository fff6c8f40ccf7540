"""Standing in for what tasks depend on, in tests of applications."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from aioqueue import ConfigurationError, Depends, Queue, TaskException
from tests.dependencies import process_tasks

pytestmark = pytest.mark.asyncio
Log = list[str]


def open_db() -> str:
    return "real"


def open_repository(db: str = Depends(open_db)) -> str:
    return f"repository on {db}"


def reporting(queue: Queue) -> Any:
    @queue.task
    async def report(repository: str = Depends(open_repository)) -> str:
        return repository

    return report


async def test_for_the_length_of_a_block(queue: Queue) -> None:
    report = reporting(queue)
    async with queue, queue.worker():
        with queue.override(open_db, lambda: "fake"):
            assert await report.call() == "repository on fake"
            assert await report.call_local() == "repository on fake"
            with queue.override(open_db, lambda: "other"):
                assert await report.call() == "repository on other"
            assert await report.call() == "repository on fake"
        assert await report.call() == "repository on real"


async def test_after_an_error_the_real_one_is_back(memory_queue: Queue) -> None:
    report = reporting(memory_queue)
    with pytest.raises(KeyError), memory_queue.override(open_db, lambda: "fake"):
        raise KeyError
    assert await report.call_local() == "repository on real"


async def test_by_any_kind_of_factory_with_dependencies_of_its_own(memory_queue: Queue, log: Log) -> None:
    def name() -> str:
        return "named"

    async def fake(name: str = Depends(name)) -> AsyncIterator[str]:
        log.append("open")
        yield name
        log.append("close")

    report = reporting(memory_queue)
    with memory_queue.override(open_db, fake):
        assert await report.call_local() == "repository on named"
    assert log == ["open", "close"]


async def test_around_the_real_one(memory_queue: Queue) -> None:
    def watched(db: str = Depends(open_db)) -> str:
        return f"watched {db}"

    report = reporting(memory_queue)
    with memory_queue.override(open_db, watched):
        assert await report.call_local() == "repository on watched real"


async def test_for_a_value_of_the_worker(queue: Queue, log: Log) -> None:
    def pool() -> str:
        return "real"

    def fake() -> Iterator[str]:
        log.append("open")
        yield "fake"
        log.append("close")

    @queue.task
    async def report(pool: str = Depends(pool, scope="worker")) -> str:
        return pool

    async with queue, queue.worker():
        assert await report.call() == "real"
        with queue.override(pool, fake):
            assert [await report.call(), await report.call()] == ["fake", "fake"]
        assert await report.call() == "real"
    assert log == ["open", "close"]


async def test_for_what_a_value_of_the_worker_is_made_of(queue: Queue) -> None:
    def pool(db: str = Depends(open_db, scope="worker")) -> str:
        return f"pool on {db}"

    async def on_loop(pool: str = Depends(pool, scope="worker")) -> str:
        return pool

    def in_thread(pool: str = Depends(pool, scope="worker")) -> str:
        return pool

    tasks: list[Any] = [queue.task(on_loop), queue.task(in_thread)]
    async with queue, queue.worker():
        for stand_in in ("fake", "other"):
            with queue.override(open_db, lambda said=stand_in: said):
                assert [await task.call() for task in tasks] == [f"pool on {stand_in}"] * 2
            assert [await task.call() for task in tasks] == ["pool on real"] * 2


async def test_each_block_has_a_value_of_the_worker_of_its_own(queue: Queue, log: Log) -> None:
    def pool() -> str:
        return "real"

    def fake() -> str:
        log.append("made")
        return f"fake {len(log)}"

    @queue.task
    async def report(pool: str = Depends(pool, scope="worker")) -> str:
        return pool

    async with queue, queue.worker():
        for number in (1, 2):
            with queue.override(pool, fake):
                assert [await report.call(), await report.call()] == [f"fake {number}"] * 2


async def test_a_job_that_began_inside_keeps_to_its_stand_ins(memory_queue: Queue) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def late() -> str:
        begun.set()
        await go_on.wait()
        return "late"

    def pool(db: str = Depends(open_db)) -> str:
        return f"pool on {db}"

    @memory_queue.task
    async def report(late: str = Depends(late), pool: str = Depends(pool, scope="job")) -> str:
        return pool

    with memory_queue.override(open_db, lambda: "fake"):
        running = asyncio.create_task(report.call_local())
        await begun.wait()
    go_on.set()
    assert await running == "pool on fake"


async def test_blocks_may_end_in_any_order(memory_queue: Queue) -> None:
    report = reporting(memory_queue)
    first = memory_queue.override(open_db, lambda: "first")
    second = memory_queue.override(open_db, lambda: "second")
    beside = memory_queue.override(open_repository, lambda: "beside")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert await report.call_local() == "repository on second"
    beside.__enter__()
    second.__exit__(None, None, None)
    assert await report.call_local() == "beside"
    beside.__exit__(None, None, None)
    assert await report.call_local() == "repository on real"


async def test_equal_blocks_are_two(memory_queue: Queue) -> None:
    report = reporting(memory_queue)

    def fake() -> str:
        return "fake"

    first, second = memory_queue.override(open_db, fake), memory_queue.override(open_db, fake)
    first.__enter__()
    second.__enter__()
    second.__exit__(None, None, None)
    assert await report.call_local() == "repository on fake"
    first.__exit__(None, None, None)
    assert await report.call_local() == "repository on real"


async def test_stand_ins_that_depend_on_what_the_other_stands_for_are_refused(memory_queue: Queue) -> None:
    def on_repository(repository: str = Depends(open_repository)) -> str:
        return repository

    def on_db(db: str = Depends(open_db)) -> str:
        return db

    report = reporting(memory_queue)
    with memory_queue.override(open_repository, on_db):
        circle = r"override\(\): dependencies go round in a circle: .*on_repository -> .*on_db -> .*on_repository"
        with pytest.raises(ConfigurationError, match=circle) as error, memory_queue.override(open_db, on_repository):
            raise AssertionError("it stands in")
        assert "\n" not in str(error.value)
        assert await report.call_local() == "real"


async def test_a_circle_that_the_end_of_a_block_lays_bare_is_the_error_of_the_job(memory_queue: Queue) -> None:
    def on_repository(repository: str = Depends(open_repository)) -> str:
        return repository

    def on_db(db: str = Depends(open_db)) -> str:
        return db

    report = reporting(memory_queue)
    with memory_queue.override(open_db, on_repository):
        between = memory_queue.override(open_db, lambda: "between")
        between.__enter__()
        with memory_queue.override(open_repository, on_db):
            assert await report.call_local() == "between"
            between.__exit__(None, None, None)
            with pytest.raises(ConfigurationError, match="go round in a circle"):
                await report.call_local()
        assert await report.call_local() == "repository on repository on real"


async def test_wrong_uses_are_refused(memory_queue: Queue) -> None:
    reporting(memory_queue)
    with pytest.raises(ConfigurationError, match="no task of this queue depends on <function wrong"):
        memory_queue.override(wrong, lambda: "fake")
    with pytest.raises(TypeError, match="takes a function that makes the value"):
        memory_queue.override(open_db, "fake")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="asks for 'url'"), memory_queue.override(open_db, wrong):
        raise AssertionError("it stands in")


def wrong(url: str) -> str:
    return url


async def test_it_does_not_reach_another_process_and_says_so(
    shared_store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    queue, task = process_tasks.queue, process_tasks.placed
    monkeypatch.setenv("LIFE_OF_A_DEPENDENCY", str(tmp_path / "log"))
    async with asyncio.timeout(60), queue, queue.worker():
        with queue.override(process_tasks.place, lambda: 0):
            with pytest.raises(TaskException, match=r"override\(place\) does not reach the process of placed"):
                await task.call()
            assert (await task.call_local())[0] == 0
