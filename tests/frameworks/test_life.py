"""Queues that live as long as their application."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from aioqueue import Queue, StoreUnavailable
from aioqueue.frameworks import aiohttp, litestar, starlette
from tests.core.stores import MakeQueue
from tests.frameworks.serving import served

pytestmark = pytest.mark.asyncio
MakeApp = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def is_open(queue: Queue) -> bool:
    return queue._session is not None and queue._session.is_open


async def test_a_queue_is_open_as_long_as_its_application(make_app: MakeApp, make_queue: MakeQueue) -> None:
    queue = make_queue()
    async with served(make_app(queue)):
        assert is_open(queue)
        assert await queue.workers() == []
    assert not is_open(queue)


async def test_a_worker_inside_lives_as_long_too(make_app: MakeApp, queue: Queue) -> None:
    @queue.task
    async def here() -> int:
        return os.getpid()

    async with served(make_app(queue, worker={"concurrency": 2, "name": "inside"})):
        assert [worker.name for worker in await queue.workers()] == ["inside"]
        assert await here.call() == os.getpid()
    assert await queue.workers() == []
    await queue.close()


async def test_a_lifespan_of_ones_own_goes_around(queue: Queue) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[dict[str, str]]:
        async with starlette.lifespan(queue)(app):
            seen.append(f"in {is_open(queue)}")
            yield {"motto": "mine"}
            seen.append(f"out {is_open(queue)}")

    async def index(request: Request) -> Response:
        return PlainTextResponse(request.state.motto)

    async with served(Starlette(routes=[Route("/", index)], lifespan=own)) as url, httpx.AsyncClient() as browser:
        assert (await browser.get(url)).text == "mine"
    assert seen == ["in True", "out True"]
    assert not is_open(queue)


async def test_it_is_closed_when_the_rest_of_the_start_fails(queue: Queue) -> None:
    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[None]:
        async with starlette.lifespan(queue, worker={})(app):
            raise RuntimeError("the rest failed")
            yield

    with pytest.raises(RuntimeError, match="the rest failed"):
        async with own(Starlette()):
            raise AssertionError("it has started")
    assert not is_open(queue)


async def test_those_opened_before_one_that_cannot_be_are_closed(queue: Queue) -> None:
    unreachable = Queue("redis://127.0.0.1:1")
    with pytest.raises(StoreUnavailable):
        async with starlette.lifespan(queue, unreachable)(None):
            raise AssertionError("it has started")
    assert not is_open(queue)


async def test_it_is_closed_when_another_cleanup_of_aiohttp_fails(queue: Queue) -> None:
    async def failing(_app: web.Application) -> AsyncIterator[None]:
        yield
        raise RuntimeError("not cleaned up")

    app = web.Application()
    app.cleanup_ctx.extend([aiohttp.cleanup_ctx(queue), failing])
    with pytest.raises(RuntimeError, match="not cleaned up"):
        async with served(app):
            assert is_open(queue)
    assert not is_open(queue)


@pytest.mark.parametrize("make", [starlette.lifespan, litestar.lifespan, aiohttp.cleanup_ctx])
async def test_wrong_uses_are_refused_at_once(make: Callable[..., object]) -> None:
    queue = Queue("memory://")
    with pytest.raises(TypeError, match="takes the queues of the application, at least one"):
        make()
    with pytest.raises(TypeError, match="takes queues, not"):
        make(Starlette())
    with pytest.raises(TypeError, match=r"\(worker=\.\.\.\): got an unexpected keyword argument 'concurency'"):
        make(queue, worker={"concurency": 2})
    with pytest.raises(TypeError, match="takes the options of a worker as a dict, not True"):
        make(queue, worker=True)


@pytest.mark.parametrize("framework", ["fastapi", "aiohttp"])
async def test_an_application_that_forgets_to_close_leaks_nothing_and_says_nothing(
    framework: str, redis_url: str
) -> None:
    name = f"q{uuid.uuid4().hex}"
    watching = Queue(redis_url, name=name)
    async with watching:
        program = ("-W", "error", "-m", "tests.frameworks.forgetful", framework, redis_url, name)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert (process.returncode, said.decode()) == (0, "")
        assert len(await watching.scheduled()) == 1


@pytest.mark.parametrize("framework", ["starlette", "litestar", "aiohttp"])
async def test_a_framework_that_is_not_there_is_named(framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, framework, None)
    for name in [name for name in sys.modules if name.startswith(f"{framework}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"aioqueue.frameworks.{framework}")
    with pytest.raises(ImportError, match=rf"pip install 'aioqueue\[{framework}\]'"):
        __import__(f"aioqueue.frameworks.{framework}")
