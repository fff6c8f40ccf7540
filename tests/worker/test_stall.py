"""A loop that does not turn any more does not keep its jobs for ever."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from aioqueue.drivers.base import Renewal
from aioqueue.worker.contact import Contact
from aioqueue.worker.lease import LEASES_BEFORE_STALLED, LeaseKeeper

SECONDS = 0.05
PATIENCE = 10.0


class Counting:
    """A store that counts the renewals."""

    def __init__(self) -> None:
        self.renewals = 0
        self.closed = threading.Event()

    async def open(self) -> None: ...

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        self.renewals += 1
        return Renewal(alive=True, cancel=[])

    async def close(self) -> None:
        self.closed.set()


@pytest.mark.asyncio
async def test_the_lease_of_a_loop_that_stands_still_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    lost, driver = asyncio.Event(), Counting()
    lease = LeaseKeeper(
        driver,  # type: ignore[arg-type]
        "incarnation",
        SECONDS,
        lost=lost.set,
        cancel=lambda _: None,
        announce=lambda: b"",
        cut_off=lambda: None,
        back=lambda: None,
        contact=Contact(),
    )
    lease.start()
    began = time.monotonic()
    given_up = driver.closed.wait(PATIENCE)  # this thread is the loop's: it stands still
    stood_still_for = time.monotonic() - began
    async with asyncio.timeout(PATIENCE):
        if given_up:
            await lost.wait()
        await lease.stop()
    assert given_up
    assert stood_still_for >= LEASES_BEFORE_STALLED * SECONDS
    assert driver.renewals > LEASES_BEFORE_STALLED
    assert "its lease is given up" in caplog.text
