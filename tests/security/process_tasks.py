"""A function that a child process can import, as a task of a queue for each serializer."""

from __future__ import annotations

from aioqueue import JsonSerializer, MsgpackSerializer, PickleSerializer, Queue

_KEYS = ["the key that all processes of this queue have"]


def doubled(n: int) -> int:
    return 2 * n


def _of(serializer: MsgpackSerializer | JsonSerializer | PickleSerializer):  # type: ignore[no-untyped-def]
    queue = Queue("memory://", serializer=serializer)
    return queue.task(executor="process", name=f"doubled.{serializer.name}")(doubled)


msgpack = _of(MsgpackSerializer())
json = _of(JsonSerializer())
pickle = _of(PickleSerializer(keys=_KEYS))
TASKS = {"msgpack": msgpack, "json": json, "pickle": pickle}
