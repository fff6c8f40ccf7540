"""What is watched over a long run: memory, connections, keys; and whether a row of readings is flat."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final

import redis.asyncio
from msgspec import Struct
from redis.exceptions import RedisError

HEAD: Final = (
    f"{'s':>6} {'worker KiB':>11} {'producer KiB':>13} {'redis KiB':>10} {'clients':>8} {'keys':>7} {'no ttl':>7}"
)


class Reading(Struct, frozen=True):
    """One look at everything; memory in bytes, `at` in seconds on the monotonic clock.

    `endless` are the keys of the whole server that have no ttl.
    """

    at: float
    worker: int
    producer: int
    redis: int
    connections: int
    keys: int
    endless: int

    def line(self, began: float) -> str:
        """Return it as a line under `HEAD`."""
        return (
            f"{self.at - began:6.0f} {self.worker // 1024:11} {self.producer // 1024:13} {self.redis // 1024:10} "
            f"{self.connections:8} {self.keys:7} {self.endless:7}"
        )


async def read_gauges(url: str, worker: int, producer: int) -> Reading | None:
    """Look at a server and two processes; None while the server does not answer."""
    try:
        async with redis.asyncio.from_url(url, socket_timeout=1) as client:
            info = await client.info()
    except (RedisError, OSError):
        return None
    space = info.get("db0", {"keys": 0, "expires": 0})
    memory = await asyncio.to_thread(lambda: [_resident(worker), _resident(producer)])
    return Reading(
        time.monotonic(),
        *memory,
        info["used_memory"],
        info["connected_clients"],
        space["keys"],
        space["keys"] - space["expires"],
    )


def slope(readings: Sequence[Reading], of: Callable[[Reading], float]) -> float:
    """Return by how much something grows in a minute: the straight line that fits best."""
    return 60 * statistics.linear_regression([reading.at for reading in readings], [of(r) for r in readings]).slope


def _resident(pid: int) -> int:
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return 1024 * int(shown)
