"""aioqueue's own Redis scripts, called by hand over one redis-py connection: the least that a job can cost with them.

Nothing here encodes, checks or decodes what a job says; its record and its value are bytes made once.
"""

from __future__ import annotations

import os
import struct
from itertools import count
from typing import Any, Final, TypeAlias, cast

from hiredis import pack_command
from msgspec import Raw
from msgspec.msgpack import Encoder
from redis.asyncio.connection import Connection, parse_url

from aioqueue.drivers.redis.scripts import Script, command_of

PREFIX: Final = "aq:{default}:"
INCARNATION: Final = "by-hand"
NAMES: Final = ("open", "register", "enqueue", "watch", "claim", "settle")
SCRIPTS: Final = {name: Script(name) for name in NAMES}
RESULT_TTL: Final = 3_600.0
SUCCEEDED: Final = 1
VALUE: Final = b"\x01"

Part: TypeAlias = str | bytes | float
_pack: Final = Encoder().encode
_body: Final = struct.Struct(">Bd")
_ids: Final = (f"00000000-0000-7000-8000-{number:012x}" for number in count())


def text(data: bytes) -> Raw:
    """Bytes as msgpack text, which is what the scripts unpack."""
    return Raw(b"\xdb" + len(data).to_bytes(4) + data)


def record(payload: bytes) -> Raw:
    """A job of priority 0 without expiry, of a task called `noop`."""
    return text(struct.pack(">BB", 8, 4) + b"noop" + payload)


def rows(jobs: int, stored: Raw) -> tuple[list[str], bytes]:
    """The ids of new jobs, and what the enqueue script takes for them."""
    ids = [next(_ids) for _ in range(jobs)]
    return ids, _pack(([field for job_id in ids for field in (job_id, stored, 0.0, 0.0, 0.0)], {}))


def outcomes(ids: list[bytes], tokens: list[int]) -> tuple[bytes, bytes]:
    """What the settle script takes for jobs that all succeeded."""
    fields: list[object] = []
    for job_id, token in zip(ids, tokens, strict=True):
        fields += (job_id.decode(), token, text(_body.pack(SUCCEEDED, token) + VALUE), RESULT_TTL)
    return _pack(fields), _pack({})


def packed(ids: list[str]) -> bytes:
    """What the scripts take for some ids."""
    return _pack(ids)


def command(name: str, *arguments: Part) -> bytes:
    """A script call as it travels."""
    return raw(*command_of(SCRIPTS[name], PREFIX, *arguments))


def raw(*parts: Part) -> bytes:
    """A command as it travels."""
    return cast("bytes", pack_command(cast("Any", parts)))


class Wire:
    """One connection, one call at a time."""

    def __init__(self) -> None:
        options: dict[str, Any] = {**parse_url(os.environ["BENCH_URL"])}
        self._connection = Connection(**options, protocol=2, socket_timeout=None)

    async def open(self) -> None:
        """Connect, and teach the server the scripts."""
        await self._connection.connect()  # type: ignore[no-untyped-call]
        for script in SCRIPTS.values():
            await self.call(raw("SCRIPT", "LOAD", script.text))
        await self.call(command("open", 1))

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.disconnect()

    async def call(self, *commands: bytes) -> Any:
        """Send commands in one write and return the reply to the last."""
        await self.send(*commands)
        for _ in commands[1:]:
            await self.read()
        return await self.read()

    async def send(self, *commands: bytes) -> None:
        """Send commands in one write."""
        await self._connection.send_packed_command(b"".join(commands))

    async def read(self) -> Any:
        """Return the next reply."""
        return await self._connection.read_response()
