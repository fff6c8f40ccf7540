"""A loopback TCP proxy before a Redis server, where the way to it fails as told."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from typing import Final, TypeAlias, cast

from msgspec import Struct

from tests.faults.operations import operation_of
from tests.faults.resp import Frame, read_frame


class Request(Struct, frozen=True):
    """One request on its way to the server: the `nth` of its `operation`, the `number`-th of all, both from 1."""

    number: int
    operation: str
    nth: int


class Fate(Enum):
    """What becomes of a request."""

    PASS = auto()
    RESET = auto()  # its connection is reset, and it never arrives
    DROP_REPLY = auto()  # it is done, its reply is dropped, and its connection is reset
    DROP_REPLY_LATE = auto()  # the same, but the connection is reset only after `LATE` seconds


Judge: TypeAlias = Callable[[Request], Fate]

LATE: Final = 0.5

_BROKEN: Final = (ConnectionError, asyncio.IncompleteReadError)
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Passes everything on while nothing else is said.

    `judge` is asked about each request; `delay` is how many seconds each request is held up; `counts` are the requests
    so far by operation.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.judge: Judge = lambda _: Fate.PASS
        self.delay = 0.0
        self.counts: Counter[str] = Counter()
        self._server_port = server_port
        self._passable = asyncio.Event()
        self._passable.set()
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The server's URL by way of this proxy."""
        return f"redis://127.0.0.1:{self.port}"

    def blackhole(self) -> None:
        """Let nothing through in either direction, and tell nobody: connections stay, and new ones are accepted."""
        self._passable.clear()

    def heal(self) -> None:
        """Let everything through again, what was held up included."""
        self._passable.set()

    def deafen(self, operation: str) -> int:
        """Let no more replies through on the connections that asked for an operation; returns how many these are.

        Nobody is told. What is asked there still arrives, and connections that are made later are as any.
        """
        links = [link for link in self._links if operation in link.asked]
        for link in links:
            link.is_deaf = True
        return len(links)

    def half_close(self) -> None:
        """Tell the clients of every connection that no more will come (FIN); what they send still arrives."""
        for link in self._links:
            link.half_close()

    def reset(self) -> None:
        """Reset every connection (RST)."""
        for link in list(self._links):
            link.reset()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen for the length of a block."""
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listening.close()
            self.heal()
            self.reset()
            await asyncio.gather(*self._serving)

    def fate_of(self, words: list[bytes]) -> Fate:
        """Count a request and ask what becomes of it."""
        operation = operation_of(words)
        self.counts[operation] += 1
        return self.judge(Request(self.counts.total(), operation, self.counts[operation]))

    async def until_passable(self) -> None:
        """Wait while nothing is let through."""
        await self._passable.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        try:
            await self._serve(reader, writer)
        finally:
            self._serving.discard(serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            _reset(writer)
            return
        link = _Link(self, reader, writer, server_reader, server_writer)
        self._links.add(link)
        try:
            await link.carry()
        finally:
            self._links.discard(link)


class _Link:
    """One client's connection and the one to the server behind it."""

    def __init__(
        self,
        proxy: Proxy,
        client_reader: asyncio.StreamReader,
        client_writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = client_reader, client_writer
        self._from_server, self._to_server = server_reader, server_writer
        self._unanswered: deque[Fate] = deque()
        self.asked: set[str] = set()
        self.is_deaf = False

    async def carry(self) -> None:
        """Carry requests there and replies back until either side ends."""
        ways = [asyncio.create_task(way) for way in (self._carry_requests(), self._carry_replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _close(self._to_client)
            await _close(self._to_server)

    def half_close(self) -> None:
        self._to_client.write_eof()

    def reset(self) -> None:
        _reset(self._to_client)
        self._to_server.transport.abort()

    async def _carry_requests(self) -> None:
        with suppress(*_BROKEN):
            while True:
                request = await read_frame(self._from_client)
                words = cast("list[bytes]", request.value)
                self.asked.add(operation_of(words))
                fate = self._proxy.fate_of(words)
                if fate is Fate.RESET:
                    self.reset()
                    return
                self._unanswered.append(fate)
                await asyncio.sleep(self._proxy.delay)
                await self._pass_on(request, self._to_server)

    async def _carry_replies(self) -> None:
        with suppress(*_BROKEN):
            while True:
                reply = await read_frame(self._from_server)
                fate = Fate.PASS if _is_push(reply) else self._unanswered.popleft()
                if fate is not Fate.PASS:
                    await asyncio.sleep(LATE if fate is Fate.DROP_REPLY_LATE else 0)
                    self.reset()
                    return
                if self.is_deaf:
                    continue
                await self._pass_on(reply, self._to_client)

    async def _pass_on(self, frame: Frame, writer: asyncio.StreamWriter) -> None:
        await self._proxy.until_passable()
        writer.write(frame.raw)
        await writer.drain()


def _is_push(reply: Frame) -> bool:
    """Tell what a subscription hears from what answers a request."""
    return isinstance(reply.value, list) and reply.value[:1] == [b"message"]


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.transport.is_closing():
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except OSError:  # reset, or nobody reads what is left
        writer.transport.abort()


@asynccontextmanager
async def fault_proxy(server_port: int) -> AsyncIterator[Proxy]:
    """Run a proxy before the server at `server_port` for the length of a block."""
    proxy = Proxy(server_port)
    async with proxy.open():
        yield proxy
