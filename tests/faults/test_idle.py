"""A worker that has nothing to do leaves Redis alone, with the lease and the safety poll that users get."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.proxy import fault_proxy
from tests.faults.trial import trial

pytestmark = pytest.mark.asyncio

WATCHED_FOR = 8


async def test_an_idle_worker_asks_less_than_once_a_second(redis_url: str, tmp_path: Path) -> None:
    port = urlsplit(redis_url).port
    assert port is not None
    async with fault_proxy(port) as proxy, trial(redis_url, tmp_path) as run:
        await run.start_command(url=proxy.url)
        await run.learn(await run.enqueue_many(50, run.app.nap, 0.0))
        await asyncio.sleep(1)  # whatever it still has to say of these jobs
        before = proxy.counts.copy()
        await asyncio.sleep(WATCHED_FOR)
        asked = proxy.counts - before
        await run.conclude()
    assert asked.total() <= WATCHED_FOR, asked
