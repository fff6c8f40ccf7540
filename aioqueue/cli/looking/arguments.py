"""The arguments and values of jobs, to be shown: read without the application, as the serializer has them."""

from __future__ import annotations

from typing import Any

import msgspec

from aioqueue.logtext import one_line
from aioqueue.record import Record
from aioqueue.serializers import PLAIN, Serializer

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError, ValueError)


def arguments_of(record: Record, serializer: Serializer = PLAIN) -> dict[str, Any]:
    """Return the arguments by parameter; positional ones of a later stage, which is not bound yet, under `*`."""
    if record.handed is not None:
        handed = _plain(record.handed.values, serializer)
        positional, keywords = ((), handed) if isinstance(handed, dict) else handed
        return {"*": positional, **keywords} if positional else dict(keywords)
    return dict(_plain(record.arguments, serializer)) if record.arguments else {}


def value_of(outcome: bytes, serializer: Serializer = PLAIN) -> Any:
    """Return the value that a job returned."""
    return _plain(outcome, serializer)


def as_call(arguments: dict[str, Any]) -> str:
    """Return arguments as they would be written in a call, on one line, control characters escaped."""
    positional = [repr(value) for value in arguments.get("*", ())]
    named = [f"{name}={value!r}" for name, value in arguments.items() if name != "*"]
    return one_line(", ".join([*positional, *named]))


def _plain(encoded: bytes, serializer: Serializer) -> Any:
    """Return what is stored as what JSON can say too; what it cannot say is shown as Python writes it.

    What would have to be unpickled is not looked into.
    """
    if not serializer.is_typed:
        return {"?": f"pickled, {len(encoded)} bytes"}
    try:
        value = serializer.decode(encoded)
    except _UNREADABLE as error:
        return {"?": f"cannot be read: {error}"}
    return _sayable(value)


def _sayable(value: Any) -> Any:
    try:
        msgspec.json.encode(value, enc_hook=repr)
    except _UNREADABLE:
        return {name: repr(one) for name, one in value.items()} if _has_names(value) else repr(value)
    return value


def _has_names(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)
