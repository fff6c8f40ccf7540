"""What is left in a store when every job has ended: nothing that only time could remove, and nothing will.

What bears its own end (a ttl, a time) may stay, and so may what a queue remembers of itself and of its owner's wishes:
slots, dead letters, revocations of tasks, key-value pairs.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import redis.asyncio

from aioqueue.drivers import sqlite_file

# Bounded, whatever has been through the queue (see keys.lua). Of `meta` and `revoked` only a part may stay.
_KEPT: Final = {"meta", "slots", "dead", "dead_at", "revoked", "revoked_until"}
_OF_THE_USER: Final = "kv:"

# Each names what nothing will ever remove (see schema.sql).
_ROWS: Final = {
    "jobs": "SELECT id FROM jobs WHERE queue = :queue",
    "chords": "SELECT id FROM chords WHERE queue = :queue",
    "chord_values": "SELECT chord FROM chord_values WHERE queue = :queue",
    "leases": "SELECT incarnation FROM leases WHERE queue = :queue",
    "settled": "SELECT id FROM settled WHERE queue = :queue AND expires_at <= 0",
    "receipts": "SELECT token FROM receipts WHERE queue = :queue AND expires_at <= 0",
    "places": "SELECT name FROM places WHERE queue = :queue AND expires_at <= 0",
    "uses": "SELECT name FROM uses WHERE queue = :queue AND expires_at <= 0",
    "waiters": "SELECT id FROM waiters WHERE queue = :queue AND expires_at <= 0",
    "news": "SELECT topic FROM news WHERE queue = :queue AND expires_at <= 0",
    "notebooks": "SELECT job FROM notebooks WHERE queue = :queue AND expires_at <= 0",
    "notes": "SELECT job FROM notes WHERE queue = :queue "
    "AND job NOT IN (SELECT job FROM notebooks WHERE queue = :queue)",
    "revocations": "SELECT target FROM revocations WHERE queue = :queue AND target LIKE 'job:%' AND expires_at <= 0",
    "subscriptions": "SELECT topic FROM subscriptions WHERE queue = :queue AND bell NOT IN (SELECT number FROM bells)",
}


async def remains(url: str, name: str) -> list[str]:
    """Return what is left of the queue `name` for good; `url` must lead to the store itself, not to a proxy."""
    if url.startswith("sqlite:"):
        return _rows_left(sqlite_file(url), name)
    if url.startswith(("redis:", "unix:")):
        async with redis.asyncio.from_url(url, decode_responses=True, encoding_errors="replace") as client:
            return sorted(await _keys_left(client, f"aq:{{{name}}}:"))
    return []


def _rows_left(path: Path, name: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        ((queue,),) = connection.execute("SELECT number FROM queues WHERE name = ?", (name,)).fetchall()
        return [
            f"{table} {what}"
            for table, query in _ROWS.items()
            for (what,) in connection.execute(query, {"queue": queue}).fetchall()
        ]


async def _keys_left(client: redis.asyncio.Redis, prefix: str) -> list[str]:
    names = [key.removeprefix(prefix) async for key in client.scan_iter(match=prefix + "*", count=1_000)]
    mortal = [name for name in names if name not in _KEPT and not name.startswith(_OF_THE_USER)]
    endless = [name for name in mortal if await client.pttl(prefix + name) == -1]
    return [*endless, *await _stale_counts(client, prefix), *await _marks_of_jobs(client, prefix)]


async def _stale_counts(client: redis.asyncio.Redis, prefix: str) -> list[str]:
    """A count of stale ids that outlives them would make every line longer than it is."""
    meta: dict[str, Any] = await client.hgetall(prefix + "meta")
    return [f"meta {field}={value}" for field, value in meta.items() if field.startswith("stale") and int(value)]


async def _marks_of_jobs(client: redis.asyncio.Redis, prefix: str) -> list[str]:
    """The mark of a job has to go with it; that of a task is the user's."""
    until: list[tuple[str, float]] = await client.zrange(prefix + "revoked_until", 0, -1, withscores=True)
    return [f"revoked {target}" for target, end in until if target.startswith("job:") and end == math.inf]
