"""A worker that cannot renew its lease leaves jobs to others, even if it could claim them."""

from __future__ import annotations

import asyncio

import pytest

from aioqueue import JobState
from tests.core.stores import eventually
from tests.worker.test_isolation import LEASE, NOBODY, RENEWING, Distant


@pytest.mark.asyncio
async def test_nothing_is_claimed_while_the_lease_cannot_be_renewed(caplog: pytest.LogCaptureFixture) -> None:
    queue = Distant()

    @queue.task
    async def note() -> str:
        return "noted"

    async with queue, queue.worker(lease=LEASE):
        queue.unreachable = RENEWING
        await eventually(lambda: "cut off" in caplog.text)
        result = await note()
        await asyncio.sleep(LEASE)
        assert await result.state() is JobState.QUEUED
        queue.unreachable = NOBODY
        assert await result.get(10) == "noted"
