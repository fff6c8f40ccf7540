"""Turns one enqueued message into garbage, wherever a peer keeps it: the same for all of them."""

from __future__ import annotations

from typing import Final

import redis

GARBAGE: Final = b"\xff\xfe\x00 this is no message \x80"


def spoil(client: redis.Redis, marker: str) -> int:
    """Replace every value that holds `marker` by garbage; return how many there were.

    A field of a hash or of a stream's entry is one value, an element of a list or of a sorted set is one. An entry of
    a stream cannot be changed: the same entry with garbage in it is added, and the old one deleted.
    """
    spoilt = 0
    for key in client.keys("*"):
        kind = client.type(key).decode()
        if kind in _SPOILERS:
            spoilt += _SPOILERS[kind](client, key, marker.encode())
    return spoilt


def _string(client: redis.Redis, key: bytes, marker: bytes) -> int:
    if marker not in client.get(key):
        return 0
    client.set(key, GARBAGE, keepttl=True)
    return 1


def _hash(client: redis.Redis, key: bytes, marker: bytes) -> int:
    found = [field for field, value in client.hgetall(key).items() if marker in value]
    for field in found:
        client.hset(key, field, GARBAGE)
    return len(found)


def _list(client: redis.Redis, key: bytes, marker: bytes) -> int:
    found = [index for index, value in enumerate(client.lrange(key, 0, -1)) if marker in value]
    for index in found:
        client.lset(key, index, GARBAGE)
    return len(found)


def _sorted_set(client: redis.Redis, key: bytes, marker: bytes) -> int:
    found = [(member, score) for member, score in client.zrange(key, 0, -1, withscores=True) if marker in member]
    for member, score in found:
        client.zrem(key, member)
        client.zadd(key, {GARBAGE: score})
    return len(found)


def _stream(client: redis.Redis, key: bytes, marker: bytes) -> int:
    found = [(entry, fields) for entry, fields in client.xrange(key) if any(marker in v for v in fields.values())]
    for entry, fields in found:
        client.xadd(key, {name: GARBAGE if marker in value else value for name, value in fields.items()})
        client.xdel(key, entry)
    return len(found)


_SPOILERS: Final = {"string": _string, "hash": _hash, "list": _list, "zset": _sorted_set, "stream": _stream}
