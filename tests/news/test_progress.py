"""Progress: told by a body wherever it runs, followed by its number."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest

from aioqueue import Job, Queue, ResultUnknown, Worker, current_job
from aioqueue.drivers.base import EVENTS_TOPIC
from tests.core.stores import MakeQueue
from tests.news import process_tasks
from tests.servers import redis_server

pytestmark = pytest.mark.asyncio


async def followed(events: Any) -> list[tuple[str, int, float | None, float | None, str]]:
    async with asyncio.timeout(20), aclosing(events):
        return [(event.status, event.number, event.done, event.total, event.note) async for event in events]


def progress_of(told: list[tuple[str, int, float | None, float | None, str]]) -> list[tuple[Any, ...]]:
    return [rest for status, *rest in told if status == "progress"]  # type: ignore[misc]


async def test_of_a_coroutine(queue: Queue) -> None:
    @queue.task(context=True)
    async def counted(job: Job[Any], steps: int) -> int:
        for step in range(1, steps + 1):
            await job.progress(step, steps, f"step {step}")
        return steps

    async with queue, queue.worker():
        told = await followed((await counted(3)).events())
    assert progress_of(told) == [[1, 1, 3, "step 1"], [2, 2, 3, "step 2"], [3, 3, 3, "step 3"]]
    assert told[-1][0] == "finished"


async def test_of_a_thread(queue: Queue) -> None:
    @queue.task
    def counted(steps: int) -> int:
        for step in range(1, steps + 1):
            queue.sync(current_job().progress(step))
        return steps

    async with queue, queue.worker():
        told = await followed((await counted(2)).events())
    assert progress_of(told) == [[1, 1, None, ""], [2, 2, None, ""]]


async def test_of_a_process(shared_store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    queue = Queue(shared_store_url, name=f"progress{tmp_path.name}")
    monkeypatch.setenv(process_tasks.STORE, shared_store_url)
    monkeypatch.setenv(process_tasks.NAME, queue.name)
    queue.registry.add(process_tasks.counted)
    async with queue, queue.worker():
        job = process_tasks.counted.s(2)
        await queue.enqueue(job)
        told = await followed(queue.result(job.id).events())
    assert progress_of(told) == [[1, 1, 2, ""], [2, 2, 2, ""]]


async def test_resumed_from_the_last_number_seen(queue: Queue) -> None:
    @queue.task(context=True)
    async def counted(job: Job[Any]) -> None:
        for step in range(1, 5):
            await job.progress(step, 4)

    async with queue:
        result = await counted()
        await Worker(queue).drain()
        assert [number for number, *_ in progress_of(await followed(result.events()))] == [1, 2, 3, 4]
        assert [number for number, *_ in progress_of(await followed(result.events(after=2)))] == [3, 4]
        assert await followed(result.events(after=4)) == [("finished", 0, None, None, "")]


async def test_followed_from_another_queue_object(make_queue: MakeQueue) -> None:
    here, there = make_queue(), make_queue()
    goes_on = asyncio.Event()

    @here.task(context=True)
    async def counted(job: Job[Any]) -> None:
        await job.progress(1)
        await goes_on.wait()
        await job.progress(2)

    async with here, there, here.worker():
        result = there.result((await counted()).id)
        seen = []
        async with asyncio.timeout(20):
            async for event in result.events():
                seen.append(event.done)
                goes_on.set()
    assert [done for done in seen if done is not None] == [1, 2]


async def test_state_changes_of_a_job_that_is_retried(queue: Queue) -> None:
    @queue.task(retries=1, context=True)
    async def flaky(job: Job[Any]) -> None:
        await job.progress(job.tries)
        if not job.tries:
            raise ValueError("uh-oh")

    async with queue:
        result = await flaky()
        following = asyncio.create_task(followed(result.events()))
        async with queue.worker():
            told = await following
    statuses = [status for status, *_ in told]
    assert [done for _, done, *_ in progress_of(told)] == [0, 1]
    assert statuses[-1] == "finished"
    assert "error" not in statuses or statuses.index("error") < statuses.index("retrying")


async def test_the_end_of_a_failed_job(queue: Queue) -> None:
    @queue.task
    async def fails() -> None:
        raise ValueError("uh-oh")

    async with queue, queue.worker():
        result = await fails()
        async with asyncio.timeout(20):
            events = [event async for event in result.events()]
    assert [event.status for event in events if event.error] == ["error"]
    assert "uh-oh" in (events[-1].traceback or "")


async def test_the_end_where_results_are_off(queue: Queue) -> None:
    @queue.task(results=False)
    async def quiet() -> int:
        return 1

    async with queue, queue.worker():
        told = await followed((await quiet()).events())
    assert told[-1][0] == "finished"


async def test_an_unknown_job_has_no_events(queue: Queue) -> None:
    async with queue:
        with pytest.raises(ResultUnknown):
            await followed(queue.result("unknown").events())


REFUSED: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "text": (("1",), TypeError, "progress(): done= takes a number, not str"),
    "decimal": ((Decimal(1),), TypeError, "progress(): done= takes a number, not Decimal"),
    "bool": ((True,), TypeError, "progress(): done= takes a number, not bool"),
    "nothing": ((None,), TypeError, "progress(): done= takes a number, not NoneType"),
    "nan": ((math.nan,), ValueError, "progress(): done= takes a finite number"),
    "infinite": ((-math.inf,), ValueError, "progress(): done= takes a finite number"),
    "text in all": ((1, "2"), TypeError, "progress(): total= takes a number, not str"),
    "too large": ((1, 2**1024), ValueError, "progress(): total= takes a finite number"),
    "no note": ((1, 2, None), TypeError, "progress(): note= takes a str, not NoneType"),
    "number for a note": ((1, 2, 3), TypeError, "progress(): note= takes a str, not int"),
}


@pytest.mark.parametrize(("said", "error", "why"), REFUSED.values(), ids=REFUSED)
async def test_what_no_reader_could_read_is_refused_in_the_body(
    memory_queue: Queue, said: tuple[Any, ...], error: type[Exception], why: str
) -> None:
    @memory_queue.task(context=True)
    async def tells(job: Job[Any]) -> str:
        with pytest.raises(error) as caught:
            await job.progress(*said)
        return str(caught.value)

    async with memory_queue as queue, queue.worker():
        result = await tells()
        assert await result.get(timeout=5) == why
        assert progress_of(await followed(result.events())) == []


async def test_a_store_that_goes_away_costs_the_report_and_not_the_job(caplog: pytest.LogCaptureFixture) -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        queue = Queue(server.url)
        started, is_away, told, is_back = (asyncio.Event() for _ in range(4))

        @queue.task(retries=1, context=True)
        async def counted(job: Job[Any]) -> int:
            started.set()
            await is_away.wait()
            await job.progress(1)
            told.set()
            await is_back.wait()
            await job.progress(2)
            return job.tries

        async with asyncio.timeout(30), queue, queue.worker():
            result = await counted()
            await started.wait()
            await asyncio.to_thread(server.kill)
            is_away.set()
            await told.wait()
            await asyncio.to_thread(server.restart)
            is_back.set()
            assert await result == 0
            assert [done for _, done, *_ in progress_of(await followed(result.events()))] == [2]
    lost = [record for record in caplog.records if record.getMessage().startswith("the progress of job ")]
    assert [(record.levelname, record.getMessage().count("\n")) for record in lost] == [("WARNING", 0)]
    assert result.id in lost[0].getMessage()


async def test_what_is_wrong_with_the_report_stays_an_error_while_the_store_is_away() -> None:
    with redis_server() as server:
        queue = Queue(server.url)

        @queue.task
        async def body() -> None: ...

        async with queue:
            job = body.s()
            await asyncio.to_thread(server.kill)
            with pytest.raises(TypeError, match="takes a number"):
                await job.progress("1")  # type: ignore[arg-type]


async def test_leaving_early_leaves_nothing_behind(queue: Queue) -> None:
    @queue.task(context=True)
    async def endless(job: Job[Any]) -> None:
        await job.progress(1)
        await asyncio.sleep(60)

    async with queue, queue.worker():
        result = await endless()
        async with asyncio.timeout(20), aclosing(result.events()) as events:  # type: ignore[type-var]
            async for event in events:
                if event.status == "progress":
                    break
        driver = (await queue.session()).driver
        for topic in (EVENTS_TOPIC, f"notes:{result.id}"):
            assert await driver.publish(topic, b"{}") == 0
        await result.cancel()
