"""Real servers on a free port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from aiohttp import web


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an application of whatever kind, and give its address."""
    async with _aiohttp_served(app) if isinstance(app, web.Application) else _asgi_served(app) as url:
        yield url


@asynccontextmanager
async def _asgi_served(app: Any) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="on", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started and not serving.done():  # noqa: ASYNC110 -- it tells nobody
                await asyncio.sleep(0.005)
        if serving.done():
            serving.result()
            raise RuntimeError("the application did not start")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _aiohttp_served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=2)
    try:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
