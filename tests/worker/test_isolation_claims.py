"""A worker that cannot renew its lease leaves jobs to others, even if it could claim them."""

from __future__ import annotations

import asyncio

import pytest

from aioqueue import JobState
from tests.core.stores import eventually
from tests.worker.test_isolation import LEASE, NOBODY, RENEWING, Distant


@pytest.mark.asyncio
async def test_nothing_is_started_while_the_lease_cannot_be_renewed(caplog: pytest.LogCaptureFixture) -> None:
    queue = Distant()
    started: list[str] = []

    @queue.task
    async def note(word: str) -> str:
        started.append(word)
        return word

    async with queue, queue.worker(lease=LEASE):
        queue.unreachable = RENEWING
        await eventually(lambda: "cut off" in caplog.text)
        results = [await note("first"), await note("second")]
        await asyncio.sleep(LEASE)
        # The first may be claimed by the sleep that was under way, and goes back.
        assert await results[1].state() is JobState.QUEUED
        assert started == []
        queue.unreachable = NOBODY
        assert [await result.get(10) for result in results] == ["first", "second"]
