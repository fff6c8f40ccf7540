"""Redis' protocol, as far as a proxy must read it: where one request or reply ends and the next begins."""

from __future__ import annotations

from asyncio import StreamReader
from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = bytes | list["Value"] | None


class Frame(Struct, frozen=True):
    """One request or reply: its bytes, to be passed on, and what they say."""

    raw: bytes
    value: Value


async def read_frame(reader: StreamReader) -> Frame:
    """Read one whole value; `IncompleteReadError` when the stream has ended."""
    raw = bytearray()
    value = await _read_value(reader, raw)
    return Frame(bytes(raw), value)


async def _read_value(reader: StreamReader, raw: bytearray) -> Value:
    line = await reader.readuntil(b"\r\n")
    raw += line
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        return await _read_bulk(reader, raw, int(rest))
    if kind == b"*":
        return [await _read_value(reader, raw) for _ in range(int(rest))]
    return rest


async def _read_bulk(reader: StreamReader, raw: bytearray, length: int) -> bytes | None:
    if length < 0:
        return None
    body = await reader.readexactly(length + 2)
    raw += body
    return body[:-2]
