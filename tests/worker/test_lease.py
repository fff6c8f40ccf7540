"""The thread that renews a lease: it ends when it is told to, or says that it has ended."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Iterator
from typing import Any

import anyio.to_thread
import pytest

from aioqueue.drivers.base import Renewal
from aioqueue.worker.lease import LeaseKeeper

pytestmark = pytest.mark.asyncio

SECONDS = 0.12


class Renewing:
    """A store whose renewals raise these errors, one after the other, and then succeed."""

    def __init__(self, *errors: Exception) -> None:
        self.errors: Iterator[Exception] = iter(errors)
        self.renewed = threading.Event()
        self.closed = threading.Event()

    async def open(self) -> None:
        for error in self.errors:
            raise error

    async def renew(self, incarnation: str) -> Renewal:
        self.renewed.set()
        return Renewal(alive=True, cancel=[])

    async def close(self) -> None:
        self.closed.set()


def keeper(driver: Any, lost: asyncio.Event) -> LeaseKeeper:
    return LeaseKeeper(driver, "incarnation", SECONDS, lost.set, lambda _: None)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("aioqueue-lease")}


async def test_an_error_that_nobody_expects_is_logged_and_the_lease_renewed(caplog: pytest.LogCaptureFixture) -> None:
    lost, driver = asyncio.Event(), Renewing(OSError(errno.EMFILE, "Too many open files"), ZeroDivisionError("a bug"))
    lease = keeper(driver, lost)
    lease.start()
    assert await asyncio.to_thread(driver.renewed.wait, 5)
    await lease.stop()
    assert not lost.is_set()
    assert driver.closed.is_set()
    assert "Too many open files" in caplog.text
    assert "a bug" in caplog.text


async def test_a_thread_that_cannot_go_on_says_that_the_lease_is_lost(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_files() -> asyncio.AbstractEventLoop:
        raise OSError(errno.EMFILE, "Too many open files")

    lost = asyncio.Event()
    lease = keeper(Renewing(), lost)
    monkeypatch.setattr(asyncio, "new_event_loop", no_more_files)
    monkeypatch.setattr(asyncio.events, "new_event_loop", no_more_files)
    lease.start()
    async with asyncio.timeout(5):
        await lost.wait()
        await lease.stop()
    assert "is not renewed any more" in caplog.text


async def test_stopping_is_harmless_at_any_time() -> None:
    lost = asyncio.Event()
    async with asyncio.timeout(5):
        never_started = keeper(Renewing(), lost)
        await never_started.stop()
        for _ in range(20):  # mostly before the thread has a loop
            lease = keeper(Renewing(), lost)
            lease.start()
            await lease.stop()
            await lease.stop()
    assert threads() == set()
    assert not lost.is_set()


async def test_stopping_needs_no_thread_that_the_application_has_taken() -> None:
    lost = asyncio.Event()
    lease = keeper(Renewing(), lost)
    lease.start()
    threads_of_all = anyio.to_thread.current_default_thread_limiter()
    borrowers = [object() for _ in range(int(threads_of_all.total_tokens))]
    for borrower in borrowers:
        await threads_of_all.acquire_on_behalf_of(borrower)
    try:
        async with asyncio.timeout(5):
            await lease.stop()
    finally:
        for borrower in borrowers:
            threads_of_all.release_on_behalf_of(borrower)
