"""A job's news in the browser: numbered, resumable, alive, and gone with the browser."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from aioqueue import Queue, current_job
from tests.core.stores import MakeQueue, eventually
from tests.frameworks.applications import for_starlette
from tests.frameworks.reading import Told, all_told, told
from tests.frameworks.serving import served

pytestmark = pytest.mark.asyncio
MakeApp = Callable[..., Any]
WORKER = {"concurrency": 4}


def counting(queue: Queue, steps: int, go_on: asyncio.Event) -> Any:
    @queue.task
    async def counted() -> int:
        for step in range(1, steps + 1):
            await current_job().progress(step, steps, f"step {step}")
        await go_on.wait()
        return steps

    return counted


def step(number: int, of: int) -> Told:
    return Told("progress", str(number), {"number": number, "done": number, "total": of, "note": f"step {number}"})


async def test_progress_and_then_the_outcome(make_app: MakeApp, queue: Queue) -> None:
    go_on = asyncio.Event()
    go_on.set()
    counted = counting(queue, 2, go_on)
    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await counted()
        answer = await browser.get(f"/news/{result.id}")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    news = [one for one in await all_told(answer) if one.name != "status"]
    outcome = Told("outcome", "end", {"id": result.id, "state": "succeeded", "value": 2})
    assert news == [step(1, 2), step(2, 2), outcome]


async def test_a_browser_comes_back_where_it_left_off(make_queue: MakeQueue) -> None:
    queue, go_on = make_queue(), asyncio.Event()
    counted = counting(queue, 4, go_on)
    async with served(for_starlette(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await counted()
        async with browser.stream("GET", f"/news/{result.id}") as first:
            async for one in told(first):
                if one.id == "2":
                    break
        go_on.set()
        again = await browser.get(f"/news/{result.id}", headers={"Last-Event-ID": "2"})
        news = [one for one in await all_told(again) if one.name != "status"]
        assert [one.id for one in news] == ["3", "4", "end"]
        after_the_end = await browser.get(f"/news/{result.id}", headers={"Last-Event-ID": "4"})
        assert [one.name for one in await all_told(after_the_end)] == ["outcome"]


async def test_whoever_has_seen_the_end_is_told_to_ask_no_more(make_app: MakeApp, queue: Queue) -> None:
    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/news/any", headers={"Last-Event-ID": "end"})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_number_from_the_future_is_refused(make_queue: MakeQueue) -> None:
    queue, go_on = make_queue(), asyncio.Event()
    counted = counting(queue, 2, go_on)
    go_on.set()
    async with served(for_starlette(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await counted()
        await result
        answer = await browser.get(f"/news/{result.id}", headers={"Last-Event-ID": "3"})
        assert answer.status_code == 400
        why = "Last-Event-ID: 3 is from the future: the newest event of this job is 2"
        assert answer.json() == {"error": why}


@pytest.mark.parametrize("rubbish", ["-1", "one", "1.5", "\uff19", "1" * 400, "1 2", "0x1"])
async def test_what_is_no_number_is_refused(make_app: MakeApp, queue: Queue, rubbish: str) -> None:
    @queue.task
    async def waiting() -> None: ...

    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await waiting()
        answer = await browser.get(f"/news/{result.id}", headers={"Last-Event-ID": rubbish.encode()})
    assert answer.status_code == 400
    assert "is no number of an event" in answer.json()["error"]
    assert len(answer.json()["error"]) < 600


async def test_news_of_a_job_that_nobody_knows(make_app: MakeApp, queue: Queue) -> None:
    async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/news/nobody")
    assert (answer.status_code, answer.json()["state"]) == (404, "unknown")


async def test_a_failure_is_the_outcome_without_its_traceback(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def broken() -> int:
        raise ValueError("no such day")

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await broken()
        answer = await browser.get(f"/news/{result.id}")
    *_, last = await all_told(answer)
    assert last == Told("outcome", "end", {"id": result.id, "state": "failed", "error": "ValueError: no such day"})
    assert "Traceback" not in answer.text


async def test_tries_are_told_and_are_not_the_end(make_app: MakeApp, queue: Queue) -> None:
    was_told = asyncio.Event()

    @queue.task(retries=1_000, retry_delay=0.01)  # a worker tells nobody before it has learned that somebody listens
    async def flaky() -> int:
        if not was_told.is_set():
            raise ValueError("not yet")
        return 1

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await flaky()
        news = []
        async with browser.stream("GET", f"/news/{result.id}") as answer:
            async for one in told(answer):
                if one.name == "status" and one.data["status"] == "retrying":
                    was_told.set()
                news.append(one)
    assert was_told.is_set()
    assert "error" not in [one.data["status"] for one in news if one.name == "status"]
    assert [one.data["state"] for one in news if one.name == "outcome"] == ["succeeded"]


async def test_silence_is_broken_by_comments(make_app: MakeApp, queue: Queue) -> None:
    go_on = asyncio.Event()
    counted = counting(queue, 0, go_on)
    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await counted()
        comments = 0
        async with browser.stream("GET", f"/news/{result.id}") as answer:
            async for one in told(answer):
                comments += one == Told("comment", "", "still here")
                if comments == 3:
                    go_on.set()
        assert comments >= 3


async def test_nothing_is_left_of_a_browser_that_went_away(make_app: MakeApp, make_queue: MakeQueue) -> None:
    queue, go_on = make_queue(), asyncio.Event()
    counted = counting(queue, 1, go_on)
    async with served(make_app(queue, worker=WORKER)) as url:
        result = await counted()
        session = await queue.session()
        async with httpx.AsyncClient(base_url=url) as browser, browser.stream("GET", f"/news/{result.id}") as answer:
            async for one in told(answer):
                if one.name == "progress":
                    break
        await eventually(lambda: not session.listener._waits)
        await eventually(lambda: not [task for task in asyncio.all_tasks() if "follow" in repr(task.get_coro())])
        go_on.set()
        assert await result.get(timeout=5) == 1


async def test_behind_a_middleware_that_wraps_the_stream(queue: Queue) -> None:
    from starlette.middleware.base import BaseHTTPMiddleware

    go_on = asyncio.Event()
    counted = counting(queue, 1, go_on)
    app = for_starlette(queue, worker=WORKER)
    app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))
    async with served(app) as url:
        result = await counted()
        session = await queue.session()
        async with httpx.AsyncClient(base_url=url) as browser, browser.stream("GET", f"/news/{result.id}") as answer:
            async for one in told(answer):
                if one.name == "progress":
                    break
        await eventually(lambda: not session.listener._waits)
        go_on.set()
        assert await result.get(timeout=5) == 1


async def test_a_value_that_json_has_not_is_said_to_be_one(queue: Queue) -> None:
    @queue.task
    async def paired() -> Any:
        return {(1, 2): 3}

    async with served(for_starlette(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await paired()
        await result
        *_, last = await all_told(await browser.get(f"/news/{result.id}"))
    assert last.data["error"] == "the value of this job cannot be written as JSON"


async def test_without_results_the_outcome_is_a_state(queue: Queue) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    @queue.task(results=False)
    async def quiet() -> int:
        started.set()
        await go_on.wait()
        return 1

    app = for_starlette(queue, worker=WORKER)
    quiet_result = quiet.result
    queue.result = quiet_result  # type: ignore[method-assign]
    async with served(app) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await quiet()
        await started.wait()
        async with browser.stream("GET", f"/news/{result.id}") as answer:
            news = []
            async for one in told(answer):
                if one == Told("comment", "", "still here"):
                    go_on.set()
                news.append(one)
    assert news[-1] == Told("outcome", "end", {"id": result.id, "state": "succeeded"})


async def test_the_store_sees_no_more_connections_than_before(redis_url: str) -> None:
    from redis.asyncio import Redis

    queue, go_on = Queue(redis_url, name=f"q{uuid.uuid4().hex}"), asyncio.Event()
    counted = counting(queue, 1, go_on)
    async with Redis.from_url(redis_url) as redis, served(for_starlette(queue)) as url:
        result = await counted()

        async def connections() -> int:
            return len(await redis.client_list())

        async def looked_at_once() -> None:
            async with httpx.AsyncClient(base_url=url) as browser, browser.stream("GET", f"/news/{result.id}") as news:
                async for one in told(news):
                    if one == Told("comment", "", "still here"):  # everything is open by now
                        return

        await looked_at_once()
        await eventually(lambda: not (session := queue._session) or not session.listener._waits)
        await asyncio.gather(*(looked_at_once() for _ in range(5)))
        settled = 0

        async def is_settled() -> bool:
            nonlocal settled
            before, settled = settled, await connections()
            return before == settled

        await eventually(is_settled)
        for _ in range(3):  # each of the fifteen would leave one at least, the queue's own pool may grow by some
            await asyncio.gather(*(looked_at_once() for _ in range(5)))
        await eventually(lambda: _is_back(connections, settled + 5))


async def _is_back(connections: Callable[[], Awaitable[int]], before: int) -> bool:
    return await connections() <= before
