"""An application that forgets to close its queue: serves one request, and ends. Its errors are read by a test."""

from __future__ import annotations

import asyncio
import sys

import httpx

from aioqueue import Queue
from tests.frameworks.serving import served

queue = Queue(sys.argv[2], name=sys.argv[3])


@queue.task
async def add(a: int, b: int) -> int:
    return a + b


def forgetful_fastapi() -> object:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def index() -> str:
        return (await add.options(delay=60)(1, 2)).id

    return app


def forgetful_aiohttp() -> object:
    from aiohttp import web

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=(await add.options(delay=60)(1, 2)).id)

    app = web.Application()
    app.add_routes([web.get("/", index)])
    return app


async def main() -> None:
    app = forgetful_fastapi() if sys.argv[1] == "fastapi" else forgetful_aiohttp()
    async with served(app) as url, httpx.AsyncClient() as browser:
        assert (await browser.get(url)).status_code == 200


asyncio.run(main())
