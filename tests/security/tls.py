"""A TLS front for a server that has none, on loopback, with certificates made for one test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


@asynccontextmanager
async def tls_front(server_url: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Take TLS connections for the server at `server_url` for the length of the block, which is given the port."""
    parts = urlsplit(server_url)
    pipes: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server, from_server = await asyncio.open_connection(parts.hostname, parts.port)
        for source, sink in ((reader, from_server), (to_server, writer)):
            task = asyncio.create_task(pipe(source, sink))
            pipes.add(task)
            task.add_done_callback(pipes.discard)

    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda *_: None)  # a refused handshake is what some of these tests are about
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in list(pipes):
            task.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        loop.set_exception_handler(handler)
