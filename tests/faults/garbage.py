"""Bytes that are no job: what a broken disk, a foreign program or a bug might leave where a job's payload should be."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from random import Random
from typing import Any, Final, TypeAlias

import msgspec

from aioqueue.record import FORMAT, NewerFormat, Record, Unreadable, decode_record, encode_record

Shape: TypeAlias = Callable[[Random], bytes]

_TASK: Final = "nap"
_WHOLE: Final = encode_record(Record(FORMAT, _TASK, msgspec.msgpack.encode({"seconds": 0.0}), retries=3, tries=1))
_FIELDS: Final[dict[str, Any]] = msgspec.msgpack.decode(_WHOLE)
_WRONG: Final = (None, -1, 2**63, 1.5, "text", [], {}, [[]], True)
_OTHERS: Final = (None, 0, -1, 0.5, "text", b"bytes", [], [1, 2], {}, {"a": 1}, True)


def garbage(random: Random) -> bytes:
    """Draw one of the shapes, and one of that shape; none can be read as a job of any release."""
    return random.choice(_SHAPES)(random)


def _noise(random: Random) -> bytes:
    return random.randbytes(random.randrange(300))


def _truncated(random: Random) -> bytes:
    return _WHOLE[: random.randrange(len(_WHOLE))]


def _trailed(random: Random) -> bytes:
    return _WHOLE + random.randbytes(random.randrange(1, 50))


def _without_a_field(random: Random) -> bytes:
    missing = random.choice("vta")
    return msgspec.msgpack.encode({name: value for name, value in _FIELDS.items() if name != missing})


def _with_a_wrong_value(random: Random) -> bytes:
    return _unreadable(
        lambda: msgspec.msgpack.encode({**_FIELDS, random.choice(list(_FIELDS)): random.choice(_WRONG)}),
    )


def _another_value(random: Random) -> bytes:
    return msgspec.msgpack.encode(random.choice(_OTHERS))


def _nested(random: Random) -> bytes:
    return random.choice([b"\x91", b"\x81\xa1t"]) * random.randrange(1_000, 100_000)


def _endless(random: Random) -> bytes:
    """What begins by announcing four thousand million elements."""
    return random.choice([b"\xc6", b"\xdb", b"\xdd", b"\xdf"]) + b"\xff" * 4 + random.randbytes(random.randrange(50))


def _foreign(random: Random) -> bytes:
    fields = {"id": random.randrange(1_000), "task": _TASK}
    makers: list[Callable[[Any], bytes]] = [lambda o: json.dumps(o).encode(), pickle.dumps, lambda o: repr(o).encode()]
    return random.choice(makers)(fields)


def _damaged(random: Random) -> bytes:
    def damage() -> bytes:
        damaged = bytearray(_WHOLE)
        for _ in range(random.randrange(1, 6)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        return bytes(damaged)

    return _unreadable(damage)


def _unreadable(draw: Callable[[], bytes]) -> bytes:
    """Draw until it is garbage: chance may also make a job, which would be run."""
    while True:
        drawn = draw()
        try:
            decode_record(drawn)
        except Unreadable:
            return drawn
        except NewerFormat:
            continue


_SHAPES: Final[tuple[Shape, ...]] = (
    _noise,
    _truncated,
    _trailed,
    _without_a_field,
    _with_a_wrong_value,
    _another_value,
    _nested,
    _endless,
    _foreign,
    _damaged,
)
