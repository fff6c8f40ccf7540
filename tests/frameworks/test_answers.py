"""What a handler answers about a job, in every framework."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from aioqueue import CancelExecution, Queue, ResultsDisabled, StoreUnavailable, TaskCancelled, Worker
from aioqueue.frameworks.answers import answer
from tests.core.stores import eventually
from tests.frameworks.serving import served
from tests.servers import RedisServer, redis_server

pytestmark = pytest.mark.asyncio
MakeApp = Callable[..., Any]
WORKER = {"concurrency": 4}
AWAY = "the store of the queue cannot be reached now"


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, which may go away."""
    with redis_server() as server:
        yield server


async def later() -> int:
    return 1


async def queue_drained(queue: Queue) -> None:
    await Worker(queue).drain()


async def test_a_value_is_json(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def counted(rows: int) -> dict[str, int]:
        return {"rows": rows}

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get(f"/jobs/{(await counted(3)).id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"rows": 3}


async def test_not_ready_says_where_to_come_back(make_app: MakeApp, queue: Queue) -> None:
    ready = asyncio.Event()

    @queue.task
    async def slow() -> int:
        await ready.wait()
        return 7

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await slow()
        answer = await browser.get(f"/jobs/{result.id}?timeout=0.05")
        link = f"/jobs/{result.id}?timeout=0.05"
        assert (answer.status_code, answer.headers["location"], answer.headers["retry-after"]) == (202, link, "1")
        assert answer.json() == {"id": result.id, "link": link}
        ready.set()
        assert (await browser.get(f"/jobs/{result.id}")).json() == 7


async def test_a_failed_job_is_one_line_that_tells_strangers_nothing(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def broken() -> int:
        raise ValueError("no such user: secret")

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await broken()
        answer = await browser.get(f"/jobs/{result.id}")
    assert answer.status_code == 500
    assert answer.json() == {"id": result.id, "state": "failed", "error": "the job failed"}


async def test_why_it_failed_is_told_where_the_application_says_so(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def broken() -> int:
        raise ValueError("no such day\nsecret of the second line")

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await broken()
        answer = await browser.get(f"/open/{result.id}")
    assert answer.status_code == 500
    assert answer.json() == {"id": result.id, "state": "failed", "error": "ValueError: no such day"}


async def test_a_reason_that_nobody_should_hear_is_in_no_answer(queue: Queue) -> None:
    @queue.task
    async def stopped() -> None:
        raise CancelExecution("secret", retry=False)

    @queue.task
    async def broken() -> None:
        raise ValueError("secret")

    async with queue:
        for task in (stopped, broken):
            result = await task()
            await queue_drained(queue)
            assert b"secret" not in (await answer(result, 1, "/there")).body


async def test_a_head_is_answered_as_a_get_without_its_body(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def later() -> int:
        return 1

    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await later()
        early = await browser.head(f"/jobs/{result.id}?timeout=0")
        await queue_drained(queue)
        done = await browser.head(f"/jobs/{result.id}")
    assert (early.status_code, early.headers["location"], early.content) == (202, f"/jobs/{result.id}?timeout=0", b"")
    assert (done.status_code, done.content) == (200, b"")


async def test_no_cache_keeps_what_is_said_of_a_job(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def later() -> int:
        return 1

    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await later()
        early = await browser.get(f"/jobs/{result.id}?timeout=0")
        await queue_drained(queue)
        done, unknown = await browser.get(f"/jobs/{result.id}"), await browser.get("/jobs/nobody")
    assert [one.status_code for one in (early, done, unknown)] == [202, 200, 404]
    assert [one.headers["cache-control"] for one in (early, done, unknown)] == ["no-store"] * 3


async def test_a_job_that_nobody_knows_is_not_found(make_app: MakeApp, queue: Queue) -> None:
    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/jobs/nobody")
    assert answer.status_code == 404
    assert answer.json()["state"] == "unknown"


async def test_a_cancelled_job_is_gone_and_one_that_took_too_long_is_late(make_app: MakeApp, queue: Queue) -> None:
    @queue.task(timeout=0.05)
    async def late() -> int:
        await asyncio.Event().wait()
        return 1

    @queue.task
    async def never() -> int:
        return 1

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        cancelled = await never.options(delay=60)()
        await cancelled.cancel()
        assert (await browser.get(f"/jobs/{cancelled.id}")).status_code == 410
        assert (await browser.get(f"/jobs/{(await late()).id}")).status_code == 504


async def test_a_waiter_that_goes_away_leaves_the_job_alone(make_app: MakeApp, queue: Queue) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    @queue.task
    async def slow() -> int:
        started.set()
        await go_on.wait()
        return 7

    async with served(make_app(queue, worker=WORKER)) as url:
        result = await slow()
        async with httpx.AsyncClient(base_url=url) as browser:
            with pytest.raises(httpx.ReadTimeout):
                await browser.get(f"/jobs/{result.id}?timeout=1", timeout=0.2)
        await started.wait()
        go_on.set()
        assert await result.get(timeout=5) == 7


async def test_the_job_is_cancelled_with_its_client_where_that_is_asked_for(make_app: MakeApp, queue: Queue) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    @queue.task
    async def slow() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with served(make_app(queue, worker=WORKER)) as url:
        result = await slow()
        async with httpx.AsyncClient(base_url=url) as browser:
            asking = asyncio.create_task(browser.post(f"/wait/{result.id}", json={"some": "body"}))
            async with asyncio.timeout(5):
                await started.wait()
                await asyncio.sleep(0.1)  # the request is on its way
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(5):
            await stopped.wait()
        with pytest.raises(TaskCancelled):
            await result.get(timeout=5)


async def test_a_client_that_stays_gets_the_value_and_nothing_is_cancelled(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def quick() -> int:
        return 7

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await quick()
        assert (await browser.post(f"/wait/{result.id}", json={"some": "body"})).json() == 7
        assert await result.state() == "succeeded"


async def test_a_link_other_than_the_own_address_is_needed_for_a_post(queue: Queue) -> None:
    from aioqueue.frameworks.links import link_of

    with pytest.raises(ValueError, match=r"respond\(\) to a POST needs link="):
        link_of(None, "POST", "/reports")


@pytest.mark.parametrize("path", ["//evil.example/jobs", "///evil.example", "/jobs//1", "//evil.example?a=//b"])
async def test_a_link_made_of_the_own_address_stays_on_the_own_server(path: str) -> None:
    from aioqueue.frameworks.links import link_of

    link = link_of(None, "GET", f"http://shop{path}")
    assert urljoin("http://shop/jobs/2", link).partition("?")[0] == f"http://shop{path}".partition("?")[0]
    assert link.endswith(path)


@pytest.mark.parametrize("link", ["/a b", "/a\r\nSet-Cookie: x=1", "/ä"])
async def test_a_link_is_made_fit_for_a_header(link: str) -> None:
    from aioqueue.frameworks.links import link_of

    assert link_of(link, "POST", "").isascii()
    assert not any(letter in link_of(link, "POST", "") for letter in " \r\n")


async def test_a_handler_cancelled_in_mid_wait_leaves_no_waiter(stored_queue: Queue) -> None:
    @stored_queue.task
    async def waiting() -> None: ...

    result = await waiting()
    session = await stored_queue.session()
    handling = asyncio.create_task(answer(result, 20, "/there"))
    await eventually(lambda: result.id in session.listener._waits)
    handling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handling
    assert not session.listener._waits
    assert await result.state() == "queued"


async def test_a_store_that_is_away_is_said_without_its_address(
    memory_queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("nobody answers at redis://:secret@inside")

    monkeypatch.setattr(memory_queue, "session", away)
    said = await answer(memory_queue.result("any"), 1, "/there")
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert b"secret" not in said.body
    assert "nobody answers" in caplog.text


@pytest.mark.parametrize("timeout", [0, 0.2])
async def test_a_store_that_was_away_before_is_no_job_that_is_not_ready(
    make_app: MakeApp, server: RedisServer, timeout: float
) -> None:
    queue = Queue(server.url)
    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await queue.task(later)()
        await asyncio.to_thread(server.kill)
        said = await browser.get(f"/jobs/{result.id}?timeout={timeout}")
    assert (said.status_code, said.headers["retry-after"]) == (503, "1")
    assert said.json() == {"id": result.id, "state": "unknown", "error": AWAY}


async def test_a_store_that_goes_away_during_the_wait_is_said_at_its_end(
    make_app: MakeApp, server: RedisServer
) -> None:
    queue = Queue(server.url)
    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await queue.task(later)()
        listener = (await queue.session()).listener
        asking = asyncio.create_task(browser.get(f"/jobs/{result.id}?timeout=1"))
        await eventually(lambda: result.id in listener._waits)
        await asyncio.to_thread(server.kill)
        said = await asking
    assert (said.status_code, said.json()["error"]) == (503, AWAY)


async def test_a_value_whose_push_was_lost_is_found_at_the_end_of_the_wait(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> None:
        await asyncio.Event().wait()

    async with queue:
        result = await queue.task(later)()
        await queue_drained(queue)
        monkeypatch.setattr((await queue.session()).listener, "wait", never)
        said = await answer(result, 0.01, "/there")
    assert (said.status, said.body) == (200, b"1")


async def test_a_task_without_results_is_a_mistake_of_the_application(memory_queue: Queue) -> None:
    @memory_queue.task(results=False)
    async def quiet() -> None: ...

    async with memory_queue:
        with pytest.raises(ResultsDisabled):
            await answer(await quiet(), 1, "/there")


async def test_a_value_that_was_not_kept_is_told_from_a_job_that_nobody_knows(make_app: MakeApp, queue: Queue) -> None:
    @queue.task(results=False)
    async def quiet() -> int:
        return 1

    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await quiet()
        await queue_drained(queue)
        answer = await browser.get(f"/jobs/{result.id}")
        asked_only = await browser.get(f"/jobs/{result.id}?timeout=0")
    why = "the job has succeeded, but its value was not kept, or is kept no longer"
    assert (answer.status_code, answer.json()) == (410, {"id": result.id, "state": "succeeded", "error": why})
    assert (asked_only.status_code, asked_only.json()) == (410, answer.json())
