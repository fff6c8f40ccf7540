"""What a stored job says: the payload that drivers never read."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from aioqueue.seal import is_sealed, unverified

FORMAT: Final = 1


class NewerFormat(Exception):  # noqa: N818 -- a finding about a job, not an error of the program
    """The record was written by a newer release; another worker may be able to read it."""


class Unreadable(Exception):  # noqa: N818
    """The bytes are no record of any release."""


class Withheld(Unreadable):
    """There is a record, but it must not be read here; says why."""


class Member(Struct, frozen=True, array_like=True):
    """The place of a job in a chord: the id of its callback, and which of its values this one gives."""

    chord: str
    index: int


class Handed(Struct, frozen=True, array_like=True, omit_defaults=True):
    """What a later stage is given: positional values and keywords, as its serializer has them; bound when it runs.

    `gathers` says that a chord's values come before them, and `nesting` how those make up one list where that is not
    flat (see `canvas/handover.py`).
    """

    values: bytes
    gathers: bool = False
    nesting: list[Any] | None = None


# At most 15 fields: the header of the map is one byte then, and three bytes with more.
class Record(
    Struct, omit_defaults=True, rename={"format": "v", "task": "t", "arguments": "a", "retries": "r", "tries": "n"}
):
    """One call of a task, as stored.

    `arguments` are bound to the task's parameters and checked; a later stage has `handed` instead. `retries` are those
    left, `tries` those made, `last_error` what the last try raised. Fields that are UNSET were not said at the call:
    the task's declaration in the worker decides. Times are seconds.

    `then` are the later stages, next first, `errors` the callbacks should this job fail for good, `member` its place
    in a chord. `beyond` are the ids of jobs after the last stage that end with it: a chord's callback and what follows
    that.
    """

    format: int
    task: str
    arguments: bytes
    retries: int = 0
    tries: int = 0
    retry_delay: float | UnsetType = UNSET
    timeout: float | UnsetType | None = UNSET
    result_ttl: float | UnsetType = UNSET
    last_error: str = ""
    replayed_from: str = ""
    handed: Handed | None = None
    then: tuple[Stage, ...] = ()
    errors: tuple[Stage, ...] = ()
    member: Member | None = None
    beyond: tuple[str, ...] = ()

    @property
    def later_ids(self) -> tuple[str, ...]:
        """The ids of the jobs that end with this one if it has no value."""
        return (*(stage.id for stage in self.then), *self.beyond)


class Stage(Struct, omit_defaults=True):
    """A job that is to come: what is known of it before its predecessor has ended. `handed` as the values in `Handed`.

    Priority and expiry that it does not say itself are those of its predecessor.
    """

    id: str
    task: str
    handed: bytes
    priority: int | UnsetType = UNSET
    delay: float = 0.0
    eta: float = 0.0
    retries: int = 0
    retry_delay: float | UnsetType = UNSET
    timeout: float | UnsetType | None = UNSET
    result_ttl: float | UnsetType = UNSET
    errors: tuple[Stage, ...] = ()
    expires_in: float = 0.0
    expires_at: float = 0.0


class _StageId(Struct):
    id: str


class _Later(Struct):
    then: tuple[_StageId, ...] = ()
    beyond: tuple[str, ...] = ()


class _Withheld(_Later, kw_only=True):
    withheld: str


class _TaskName(Struct):
    t: str = ""


class _Format(Struct, rename={"format": "v"}):
    format: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)
_task_decoder = msgspec.msgpack.Decoder(_TaskName)

encode_record: Final = _encoder.encode


def decode_record(payload: bytes) -> Record:
    """Read a stored job; raises `NewerFormat`, or `Unreadable`, of which `Withheld` is one."""
    try:
        record = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _format_of(payload) > FORMAT:
            raise NewerFormat(f"format {_format_of(payload)}") from None
        _refuse_withheld(payload)
        raise Unreadable(str(error)) from None
    if record.format > FORMAT:
        raise NewerFormat(f"format {record.format}")
    return record


def legible_later_ids(payload: bytes) -> tuple[str, ...]:
    """Return the `later_ids` of a record that cannot be read otherwise; none if they cannot be read either.

    Nobody vouches for them: whoever can write them to the store can end those jobs there, too.
    """
    try:
        later = msgspec.msgpack.decode(unverified(payload) if is_sealed(payload) else payload, type=_Later)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return (*(stage.id for stage in later.then), *later.beyond)


def withheld(payload: bytes, reason: str) -> bytes:
    """Return what stands for a record that must not be read: why, and which jobs end with it."""
    return _encoder.encode(_Withheld(beyond=legible_later_ids(payload), withheld=reason))


def task_of(payload: bytes) -> str:
    """Return the name of the task that a record calls, empty for bytes that are no record."""
    try:
        return _task_decoder.decode(payload).t
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _refuse_withheld(payload: bytes) -> None:
    if is_sealed(payload):
        raise Withheld("it is signed, and this queue has no keys: Queue(serializer=...)")
    try:
        reason = msgspec.msgpack.decode(payload, type=_Withheld).withheld
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    raise Withheld(reason) from None


def _format_of(payload: bytes) -> int:
    try:
        return msgspec.msgpack.decode(payload, type=_Format).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
