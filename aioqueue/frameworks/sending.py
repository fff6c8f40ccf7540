"""Sending a stream to a client, for as long as it is there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeAlias

Chunks: TypeAlias = AsyncGenerator[bytes, None]


async def send_all(
    chunks: Chunks, send: Callable[[bytes], Awaitable[object]], end: Callable[[], Awaitable[object]]
) -> None:
    """Send each chunk and then the end, and close `chunks`.

    An `OSError` while sending is how servers say that the client has gone away, and no error; one of the chunks' own is
    raised.
    """
    async with aclosing(chunks):
        async for chunk in chunks:
            try:
                await send(chunk)
            except OSError:
                return
    with suppress(OSError):
        await end()
