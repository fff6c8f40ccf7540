"""What ASGI says about clients that go away, and sending them a stream until they do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

from aioqueue.frameworks.endings import until_either

Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]


async def client_leaves(receive: Receive) -> None:
    """Return when the client has gone away. What is left of the request's body is skipped: read it before."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_body(chunks: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Send a body until it ends or the client goes away, and close `chunks`.

    Whatever it raises or whoever cancels it, nothing of it runs on afterwards.
    """
    await until_either(_send(chunks, send), client_leaves(receive))


async def _send(chunks: AsyncGenerator[bytes, None], send: Send) -> None:
    with suppress(OSError):  # how a server may say that the client has gone away
        async with aclosing(chunks):
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
