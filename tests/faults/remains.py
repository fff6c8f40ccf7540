"""What is left in a store when every job has ended: nothing that only time could remove, and nothing will."""

from __future__ import annotations

import redis.asyncio

# A queue's memory of itself: bounded, whatever has been through it (see keys.lua).
_KEPT = {b"meta", b"slots", b"wake", b"dead", b"dead_at"}


async def remains(url: str, name: str) -> list[str]:
    """Return the keys that are left without a ttl, beside those that a queue always has."""
    if not url.startswith(("redis:", "unix:")):
        return []
    async with redis.asyncio.from_url(url) as client:
        prefix = f"aq:{{{name}}}:".encode()
        keys = [key async for key in client.scan_iter(match=prefix + b"*", count=1_000)]
        left = [key for key in keys if key.removeprefix(prefix) not in _KEPT and await client.ttl(key) == -1]
    return sorted(key.decode() for key in left)
