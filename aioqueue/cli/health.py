"""A local port that says how this process is: `/livez` whether it lives, `/readyz` whether it can run jobs."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeAlias

from aioqueue.cli.exits import Failed

logger: Final = logging.getLogger("aioqueue")

HOST: Final = "127.0.0.1"
_PATIENCE: Final = 5.0
_LONGEST_LINE: Final = 4_096
_NO_REQUEST: Final = (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)

Questions: TypeAlias = dict[str, tuple[str, Callable[[], bool]]]


@asynccontextmanager
async def health_server(port: int, live: Callable[[], bool], ready: Callable[[], bool]) -> AsyncIterator[int]:
    """Answer on `port` of 127.0.0.1 for the length of the block, which is given the port (any free one for 0).

    `live` and `ready` are called on this loop for each question and must not wait. `Failed`, in one line, if the port
    cannot be had.
    """
    conversations: set[asyncio.Task[None]] = set()
    questions: Questions = {"/livez": ("live", live), "/readyz": ("ready", ready)}

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(_converse(questions, reader, writer))
        conversations.add(conversation)
        conversation.add_done_callback(conversations.discard)

    server = await _listen(port, begin)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def _listen(port: int, begin: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]) -> asyncio.Server:
    try:
        return await asyncio.start_server(begin, HOST, port, limit=_LONGEST_LINE)
    except OSError as error:
        reason = "another process listens there" if error.errno == errno.EADDRINUSE else error.strerror
        raise Failed(f"no health port {HOST}:{port}: {reason}; choose another one with --health-port") from None


async def _converse(questions: Questions, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and hang up; who is slow or never ends is hung up on."""
    try:
        async with asyncio.timeout(_PATIENCE):
            words = await _request(reader)
            writer.write(_response(*_answer(questions, words), with_body=words[:1] != ["HEAD"]))
            await writer.drain()
    except _NO_REQUEST:
        pass
    except Exception:
        logger.exception("the health port could not answer")
    finally:
        writer.close()


async def _request(reader: asyncio.StreamReader) -> list[str]:
    """Return the words of the first line; the rest is read too, since closing on it would cut the answer off."""
    line = await reader.readuntil(b"\n")
    while (await reader.readuntil(b"\n")).strip():
        pass
    return line.decode("latin-1").split()


def _answer(questions: Questions, words: list[str]) -> tuple[HTTPStatus, dict[str, object]]:
    if len(words) != 3:
        return HTTPStatus.BAD_REQUEST, {"error": "this port speaks HTTP/1.1"}
    method, path = words[0], words[1].partition("?")[0]
    if method not in ("GET", "HEAD"):
        return HTTPStatus.METHOD_NOT_ALLOWED, {"error": "only GET and HEAD are answered"}
    if path not in questions:
        return HTTPStatus.NOT_FOUND, {"error": f"there are {' and '.join(questions)}"}
    name, ask = questions[path]
    well = ask()
    return (HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE), {name: well}


def _response(status: HTTPStatus, content: dict[str, object], *, with_body: bool) -> bytes:
    body = json.dumps(content).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + (body if with_body else b"")
