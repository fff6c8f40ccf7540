"""What a stored job says: the payload that drivers never read."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

FORMAT: Final = 1


class NewerFormat(Exception):  # noqa: N818 -- a finding about a job, not an error of the program
    """The record was written by a newer release; another worker may be able to read it."""


class Unreadable(Exception):  # noqa: N818
    """The bytes are no record of any release."""


class Record(
    Struct, omit_defaults=True, rename={"format": "v", "task": "t", "arguments": "a", "retries": "r", "tries": "n"}
):
    """One call of a task, as stored.

    `retries` are those left, `tries` those made. Fields that are UNSET were not said at the call: the task's
    declaration in the worker decides. Times are seconds.
    """

    format: int
    task: str
    arguments: bytes
    retries: int = 0
    tries: int = 0
    retry_delay: float | UnsetType = UNSET
    timeout: float | UnsetType | None = UNSET
    result_ttl: float | UnsetType = UNSET


class _Format(Struct, rename={"format": "v"}):
    format: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)
_format_decoder = msgspec.msgpack.Decoder(_Format)

encode_record = _encoder.encode


def decode_record(payload: bytes) -> Record:
    """Read a stored job; raises `NewerFormat` or `Unreadable`."""
    try:
        record = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _format_of(payload) > FORMAT:
            raise NewerFormat(f"format {_format_of(payload)}") from None
        raise Unreadable(str(error)) from None
    if record.format > FORMAT:
        raise NewerFormat(f"format {record.format}")
    return record


def _format_of(payload: bytes) -> int:
    try:
        return _format_decoder.decode(payload).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
