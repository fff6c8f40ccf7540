"""A job's news in the browser: numbered, resumable, alive, and gone with the browser."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from aioqueue import Queue, Worker, current_job
from aioqueue.canvas.job import NOTES_TTL
from aioqueue.frameworks.answers import Answer
from aioqueue.frameworks.asgi import send_body
from aioqueue.frameworks.eventstream import event_stream
from aioqueue.inbox import Event, decode_event, encode_event
from tests.core.stores import MakeQueue, eventually
from tests.frameworks.applications import for_starlette
from tests.frameworks.reading import Told, all_told, told
from tests.frameworks.serving import served
from tests.servers import redis_server

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


async def test_a_head_is_answered_at_once_and_with_no_body(make_app: MakeApp, queue: Queue) -> None:
    """On a connection that is kept, a body that no client expects would be read as the next answer."""

    @queue.task
    async def later() -> None: ...

    async with served(make_app(queue)) as url:
        result = await later()
        both = await raw_answers(url, f"HEAD /news/{result.id}", "GET /jobs/nobody")
    head, _, rest = both.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"text/event-stream" in head.lower()
    assert rest.startswith(b"HTTP/1.1 404")


async def test_a_browser_comes_back_after_the_numbers_were_forgotten(make_queue: MakeQueue) -> None:
    """They are kept for an hour: the first of those that come then is 1 again."""
    queue = make_queue()

    @queue.task
    async def later() -> None: ...

    async with served(for_starlette(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await later()
        driver = (await queue.session()).driver
        for step in range(3):
            await driver.note(result.id, note_of(result.id, step), NOTES_TTL)
        await driver.shift(NOTES_TTL + 1)
        for expected in ([], ["1"]):
            async with (
                asyncio.timeout(5),
                browser.stream("GET", f"/news/{result.id}", headers={"Last-Event-ID": "3"}) as answer,
            ):
                assert answer.status_code == 200
                seen = []
                async for one in told(answer):
                    if one == Told("comment", "", "still here"):
                        break
                    if one.id:
                        seen.append(one.id)
            assert seen == expected
            await driver.note(result.id, note_of(result.id, 1), NOTES_TTL)


async def test_a_young_job_has_forgotten_nothing(queue: Queue) -> None:
    @queue.task
    async def later() -> None: ...

    async with served(for_starlette(queue)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await later()
        answer = await browser.get(f"/news/{result.id}", headers={"Last-Event-ID": "1"})
    assert answer.status_code == 400
    assert answer.json() == {"error": "Last-Event-ID: 1 is from the future: the newest event of this job is 0"}


async def test_a_browser_is_told_to_come_back_when_the_store_is_away(make_app: MakeApp) -> None:
    """Any status but 200 would end its EventSource for good."""
    with redis_server() as server:
        queue = Queue(server.url)

        @queue.task
        async def later() -> None: ...

        async with served(make_app(queue)) as url, httpx.AsyncClient(base_url=url, timeout=20) as browser:
            result = await later()
            server.kill()
            answer = await browser.get(f"/news/{result.id}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.text.startswith("retry: ")
            assert await all_told(answer) == []
            server.restart()


async def test_a_stream_outlives_a_store_that_goes_and_comes_back() -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        queue = Queue(server.url)

        @queue.task
        async def later() -> int:
            await current_job().progress(2)
            return 7

        async with served(for_starlette(queue)) as url, httpx.AsyncClient(base_url=url, timeout=30) as browser:
            result = await later()
            async with browser.stream("GET", f"/news/{result.id}") as answer:
                news = told(answer)
                while await anext(news) != Told("comment", "", "still here"):
                    pass
                server.kill()
                while await anext(news) != Told("comment", "", "still here"):
                    pass
                server.restart()
                async with queue.worker():
                    rest = [one async for one in news if one.id]
    assert [one.id for one in rest] == ["1", "end"]
    assert rest[-1].data["value"] == 7


async def test_what_runs_in_the_background_runs_after_the_stream(queue: Queue) -> None:
    import fastapi
    import litestar
    from litestar.background_tasks import BackgroundTask

    from aioqueue.frameworks import litestar as in_litestar
    from aioqueue.frameworks import starlette as in_starlette

    ran: list[str] = []

    async def note(name: str) -> None:
        ran.append(name)

    @queue.task
    async def quick() -> int:
        return 1

    async def follow(request, tasks):  # type: ignore[no-untyped-def]
        tasks.add_task(note, "fastapi")
        return await in_starlette.progress(queue.result(result.id), request)

    async def follow_too(request):  # type: ignore[no-untyped-def]
        answer = await in_litestar.progress(queue.result(result.id), request)
        answer.background = BackgroundTask(note, "litestar")
        return answer

    follow.__annotations__ |= {"request": fastapi.Request, "tasks": fastapi.BackgroundTasks}
    app = fastapi.FastAPI(lifespan=in_starlette.lifespan(queue))
    app.get("/")(follow)
    follow_too.__annotations__ |= {"request": litestar.Request[Any, Any, Any], "return": litestar.Response[bytes]}
    other = litestar.Litestar(
        [litestar.get("/")(follow_too)], lifespan=[in_litestar.lifespan(queue)], openapi_config=None
    )
    for each in (app, other):
        async with served(each) as url, httpx.AsyncClient(base_url=url) as browser:
            result = await quick()
            await Worker(queue).drain()
            assert [one.name for one in await all_told(await browser.get("/"))] == ["outcome"]
    assert ran == ["fastapi", "litestar"]


async def test_a_fault_in_the_news_is_not_taken_for_a_client_that_left() -> None:
    async def failing() -> AsyncGenerator[bytes, None]:
        yield b"one"
        raise OSError("the disk is full")

    async def send(_message: object) -> None: ...

    with pytest.raises(OSError, match="the disk is full"):
        await send_body(failing(), asyncio.Event().wait, send)  # type: ignore[arg-type]


async def test_a_failure_is_the_outcome_without_its_traceback(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def broken() -> int:
        raise ValueError("no such day")

    async with served(make_app(queue, worker=WORKER)) as url, httpx.AsyncClient(base_url=url) as browser:
        result = await broken()
        answer = await browser.get(f"/news/{result.id}")
        openly = await browser.get(f"/open/news/{result.id}")
    *_, last = await all_told(answer)
    assert last == Told("outcome", "end", {"id": result.id, "state": "failed", "error": "the job failed"})
    *_, last = await all_told(openly)
    assert last == Told("outcome", "end", {"id": result.id, "state": "failed", "error": "ValueError: no such day"})
    assert "Traceback" not in answer.text + openly.text


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


async def test_of_a_job_that_immediate_mode_does_not_run_it_ends_without_an_outcome() -> None:
    """The browser comes back: the job may have been run by then."""
    queue = Queue("memory://", immediate=True)

    @queue.task
    async def later() -> None: ...

    async with queue, asyncio.timeout(5):
        stream = await event_stream(await later.options(delay=60)(), "", 1.0)
        assert not isinstance(stream, Answer)
        assert [lines async for lines in stream] == [b": follows\n\n"]


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


async def test_readers_share_what_the_store_tells(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty of one job and twenty of others: no more connections than for the first, and each event is read once."""
    from redis.asyncio import Redis

    queue, go_on = Queue(redis_url, name=f"q{uuid.uuid4().hex}"), asyncio.Event()
    counted = counting(queue, 1, go_on)
    read: list[bytes] = []

    def reading(data: bytes) -> Event:
        read.append(data)
        return decode_event(data)

    monkeypatch.setattr("aioqueue.newsroom.decode_event", reading)
    async with (
        Redis.from_url(redis_url) as redis,
        served(for_starlette(queue)) as url,
        httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None)) as browser,
        AsyncExitStack() as streams,
    ):

        async def follows(job_id: str) -> None:
            news = told(await streams.enter_async_context(browser.stream("GET", f"/news/{job_id}")))
            while await anext(news) != Told("comment", "", "still here"):
                pass

        one, *others = [await counted() for _ in range(21)]
        await follows(one.id)
        before = len(await redis.client_list())
        for other in others:
            await follows(one.id)
            await follows(other.id)
        during = len(await redis.client_list())
        async with aclosing(queue.events()) as events:  # type: ignore[type-var]
            heard = asyncio.create_task(anext(events))  # type: ignore[arg-type]
            await eventually(lambda: _tells(counted, heard))
    assert len(read) == len(set(read)) > 0
    assert during - before <= 2  # the queue's own pool may grow


async def _tells(task: Any, heard: asyncio.Task[Event]) -> bool:
    await task()
    return heard.done()


async def raw_answers(url: str, *requests: str) -> bytes:
    """Send requests on one connection, and return all that comes until the server closes it after the last."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    ends = [""] * (len(requests) - 1) + ["Connection: close\r\n"]
    for request, end in zip(requests, ends, strict=True):
        writer.write(f"{request} HTTP/1.1\r\nHost: shop\r\n{end}\r\n".encode())
    async with asyncio.timeout(5):
        answers = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answers


def note_of(job_id: str, done: int) -> bytes:
    return encode_event(Event("progress", job_id, "t", 0, 0.0, None, False, None, done=done))


async def _is_back(connections: Callable[[], Awaitable[int]], before: int) -> bool:
    return await connections() <= before
