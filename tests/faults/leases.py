"""Leases whose holders have died: reaping them is the last that a death asks of those who live."""

from __future__ import annotations

import os

from aioqueue.drivers import driver_for
from aioqueue.drivers.base import Lease
from aioqueue.presence import announced


async def leases_of_the_dead(url: str, name: str) -> list[str]:
    """Return the incarnations on the queue `name` whose process is not on this machine (any more)."""
    driver = driver_for(url, name)
    await driver.open()
    try:
        return [lease.incarnation for lease in await driver.leases() if not _holder_lives(lease)]
    finally:
        await driver.close()


def _holder_lives(lease: Lease) -> bool:
    said = announced(lease)
    if said is None:
        return False
    try:
        os.kill(said.pid, 0)
    except ProcessLookupError:
        return False
    return True
