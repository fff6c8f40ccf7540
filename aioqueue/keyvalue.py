"""A keyspace of the application's own, in the queue's store."""

from __future__ import annotations

from typing import Any, Final, TypeVar, overload

from aioqueue.drivers.base import INTEGERS
from aioqueue.errors import SerializationError
from aioqueue.options import Seconds, is_text, seconds
from aioqueue.result import OpenSession
from aioqueue.seal import is_sealed
from aioqueue.serializer import Value, any_value
from aioqueue.serializers import PLAIN, Serializer

T = TypeVar("T")
D = TypeVar("D")

_LONGEST_KEY: Final = 512
_PACKED: Final = b"m"


class KeyValue:
    """Small values shared by all processes of a queue: `queue.kv`. Apart from results, locks and revocations.

    Values are stored as msgpack, or as the queue's `serializer` has it; give `type=` to get them back as what they
    were. A `ttl` is in seconds; without one a value stays until it is deleted.
    """

    def __init__(self, session: OpenSession, max_payload: int, serializer: Serializer = PLAIN) -> None:
        self._session = session
        self._serializer = serializer
        self._max_payload = max_payload

    @overload
    async def get(self, key: str, default: D, /, *, type: type[T]) -> T | D: ...
    @overload
    async def get(self, key: str, default: Any = None, /) -> Any: ...
    async def get(self, key: str, default: Any = None, /, *, type: Any = Any) -> Any:  # noqa: A002 -- the public face
        """Return a value, `default` if there is none; reading keeps it."""
        session = await self._session()
        return self._decode(await session.driver.get(_key(key)), default, type)

    async def put(self, key: str, value: object, *, ttl: Seconds | None = None) -> None:
        """Store a value, in place of one that is there."""
        session = await self._session()
        await session.driver.put(_key(key), self._encode(key, value), _ttl(ttl))

    async def put_if_absent(self, key: str, value: object, *, ttl: Seconds | None = None) -> bool:
        """Store a value unless there is one, in one step; answer whether it was stored."""
        session = await self._session()
        return await session.driver.put_if_absent(_key(key), self._encode(key, value), _ttl(ttl))

    async def pop(self, key: str, default: Any = None, /) -> Any:
        """Remove a value and return it, in one step: of several callers one gets it."""
        session = await self._session()
        return self._decode(await session.driver.pop(_key(key)), default, Any)

    async def delete(self, key: str) -> bool:
        """Remove a value; answer whether there was one."""
        session = await self._session()
        return await session.driver.delete(_key(key))

    async def increment(self, key: str, by: int = 1) -> int:
        """Add to a whole number (absent: 0) and return the sum, in one step.

        `ValueError`, and nothing changed, where there is another value, or the sum takes more than 64 bits.

        Whether it took effect is unknown after `StoreUnavailable`; calling again then may add twice.
        """
        if not isinstance(by, int) or isinstance(by, bool):
            raise TypeError(f"increment() takes a whole number, not {by!r}")
        session = await self._session()
        return await session.driver.increment(_key(key), by)

    def _encode(self, key: str, value: object) -> bytes:
        # A whole number is kept as text, so that the store itself can add to it.
        if isinstance(value, int) and not isinstance(value, bool):
            number = int(value)  # of an enumeration too, whose text is its name
            if number not in INTEGERS:
                raise SerializationError(f"the value of key {key!r} is a whole number of more than 64 bits")
            return str(number).encode()
        return _PACKED + any_value(f"the value of key {key!r}", self._max_payload, self._serializer).encode(value)

    def _decode(self, stored: bytes | None, default: Any, wanted: Any) -> Any:
        if stored is None:
            return default
        packed = stored.removeprefix(_PACKED) if stored.startswith(_PACKED) else self._serializer.encode(_whole(stored))
        return Value("the stored value", lambda: wanted, serializer=self._serializer).decode(packed)


def _whole(stored: bytes) -> int:
    try:
        return int(stored)
    except ValueError:
        signed = "it is signed, and this queue has no keys" if is_sealed(stored) else "it was not stored by aioqueue"
        raise SerializationError(f"the stored value cannot be read: {signed}") from None


def _key(key: object) -> str:
    if not is_text(key, _LONGEST_KEY):
        raise ValueError(f"a key is a text of 1 to {_LONGEST_KEY} characters, not {key!r}")
    return key


def _ttl(ttl: Seconds | None) -> float:
    if ttl is None:
        return 0.0
    number = seconds("ttl", ttl)
    if number == 0:
        raise ValueError("ttl= must be more than 0 seconds; leave it out to keep the value")
    return number
