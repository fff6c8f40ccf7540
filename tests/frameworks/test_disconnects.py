"""Cancelling with the client: when it has gone away, and only then."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aioqueue import Queue, StoreUnavailable, TaskCancelled
from aioqueue.frameworks.aiohttp import cancel_on_disconnect
from aioqueue.frameworks.disconnects import cancelling
from tests.core.stores import MakeQueue

pytestmark = pytest.mark.asyncio


async def never() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    return


async def waiting_job(queue: Queue) -> Any:
    @queue.task
    async def waits() -> None: ...

    return await waits.options(delay=60)()


async def test_a_handler_cancelled_because_its_client_left(make_queue: MakeQueue) -> None:
    async with make_queue() as queue:
        result = await waiting_job(queue)
        left = asyncio.Event()
        inside = asyncio.Event()

        async def handler() -> None:
            async with cancelling(lambda: _of(left), result):
                inside.set()
                await never()

        handling = asyncio.create_task(handler())
        await inside.wait()
        left.set()
        handling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handling
        assert await result.state() == "cancelled"


async def test_a_handler_cancelled_for_another_reason(make_queue: MakeQueue) -> None:
    async with make_queue() as queue:
        result = await waiting_job(queue)
        inside = asyncio.Event()

        async def handler() -> None:
            async with cancelling(never, result):
                inside.set()
                await never()

        handling = asyncio.create_task(handler())
        await inside.wait()
        handling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handling
        assert await result.state() == "scheduled"


async def test_an_error_of_the_handler_leaves_the_job_alone(memory_queue: Queue) -> None:
    async with memory_queue as queue:
        result = await waiting_job(queue)
        with pytest.raises(KeyError):
            async with cancelling(never, result):
                raise KeyError("the handler's own")
        assert await result.state() == "scheduled"


async def test_who_waits_inside_is_told(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker():
        result = await waiting_job(queue)
        async with cancelling(at_once, result):
            with pytest.raises(TaskCancelled):
                await result.get(timeout=5)


async def test_in_a_scope_of_anyio_that_cancels_again_and_again(make_queue: MakeQueue) -> None:
    import anyio

    async with make_queue() as queue:
        result = await waiting_job(queue)
        left = asyncio.Event()
        with anyio.CancelScope() as scope:
            async with cancelling(lambda: _of(left), result):
                left.set()
                scope.cancel()
                await never()
        assert await result.state() == "cancelled"


async def test_a_store_that_is_away_is_logged(
    memory_queue: Queue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_queue as queue:
        result = await waiting_job(queue)

        async def away(*_: object) -> None:
            raise StoreUnavailable("nobody answers")

        monkeypatch.setattr((await queue.session()).driver, "job", away)
        with caplog.at_level(logging.WARNING, "aioqueue"):
            async with cancelling(at_once, result):
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        assert f"job {result.id} goes on although its client has gone away: nobody answers" in caplog.text


async def test_in_aiohttp_where_the_server_cancels_handlers(memory_queue: Queue) -> None:
    async with memory_queue as queue:
        result = await waiting_job(queue)
        inside, ended = asyncio.Event(), asyncio.Event()

        async def handler(request: web.Request) -> web.Response:
            try:
                async with cancel_on_disconnect(request, result):
                    inside.set()
                    await never()
            finally:
                ended.set()
            return web.Response()

        app = web.Application()
        app.add_routes([web.get("/", handler)])
        async with TestServer(app) as server, httpx.AsyncClient() as browser:
            server.runner.server.handler_cancellation = True  # as run_app(handler_cancellation=True) does
            asking = asyncio.create_task(browser.get(str(server.make_url("/"))))
            await inside.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            async with asyncio.timeout(5):
                await ended.wait()
        assert await result.state() == "cancelled"


async def _of(event: asyncio.Event) -> None:
    await event.wait()
