"""What ASGI says about clients that go away, and sending them a stream until they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from aioqueue.frameworks.endings import until_either
from aioqueue.frameworks.sending import Chunks, send_all

Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]


async def client_leaves(receive: Receive) -> None:
    """Return when the client has gone away. What is left of the request's body is skipped: read it before."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_body(chunks: Chunks, receive: Receive, send: Send) -> None:
    """Send a body until it ends or the client goes away, and close `chunks`.

    Whatever it raises or whoever cancels it, nothing of it runs on afterwards.
    """

    def send_chunk(chunk: bytes) -> Awaitable[None]:
        return send({"type": "http.response.body", "body": chunk, "more_body": True})

    def end() -> Awaitable[None]:
        return send({"type": "http.response.body", "body": b"", "more_body": False})

    await until_either(send_all(chunks, send_chunk, end), client_leaves(receive))
