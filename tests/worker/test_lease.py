"""The thread that renews a lease: it ends when it is told to, or says that it has ended."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import anyio.to_thread
import pytest

from aioqueue.drivers.base import Renewal
from aioqueue.errors import StoreUnavailable
from aioqueue.worker.contact import Contact
from aioqueue.worker.lease import LeaseKeeper
from tests.core.stores import eventually

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

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        self.renewed.set()
        return Renewal(alive=True, cancel=[])

    async def close(self) -> None:
        self.closed.set()


def keeper(driver: Any, lost: asyncio.Event, seconds: float = SECONDS, **others: Any) -> LeaseKeeper:
    unheard = {
        "cancel": lambda _: None,
        "announce": lambda: b"",
        "cut_off": lambda: None,
        "back": lambda: None,
        "contact": Contact(),
    }
    return LeaseKeeper(driver, "incarnation", seconds, lost=lost.set, **{**unheard, **others})


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


class Hearing(Renewing):
    """A store that notes what each renewal says, and what the worker had last announced by then."""

    def __init__(self, announced: list[bytes]) -> None:
        super().__init__()
        self.announced = announced
        self.heard: list[tuple[bytes, bytes]] = []
        self.enough = threading.Event()

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        self.heard.append((info, self.announced[-1]))
        if len(self.heard) == 3:
            self.enough.set()
        return await super().renew(incarnation, info)


def speaker(seconds: float) -> tuple[LeaseKeeper, Hearing]:
    announced = [b"0"]

    def announce() -> bytes:
        announced.append(b"%d" % len(announced))
        return announced[-1]

    driver: Any = Hearing(announced)
    lease = keeper(driver, asyncio.Event(), seconds, announce=announce)
    lease.say(b"0")
    return lease, driver


async def test_a_renewal_says_what_is_so_when_it_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioqueue.worker.lease.SHARE_OF_AN_INTERVAL", 20)  # however busy this machine is
    lease, store = speaker(SECONDS)
    lease.start()
    assert await asyncio.to_thread(store.enough.wait, 10)
    await lease.stop()
    assert store.heard[:3] == [(b"1", b"1"), (b"2", b"2"), (b"3", b"3")]


async def test_a_loop_that_does_not_answer_delays_no_renewal() -> None:
    lease, store = speaker(SECONDS)
    lease.start()
    assert store.enough.wait(5)  # the loop is blocked meanwhile
    await lease.stop()
    assert [said for said, _ in store.heard[:3]] == [b"0"] * 3


async def test_a_renewal_that_fails_and_one_that_succeeds_tell_whether_the_store_answers() -> None:
    contact, lost = Contact(), asyncio.Event()
    driver: Any = Renewing(StoreUnavailable("gone"), StoreUnavailable("gone"))
    found: list[bool] = []
    inner = driver.renew

    async def renew(*said: Any) -> Renewal:
        found.append(contact.answers)
        answer: Renewal = await inner(*said)
        return answer

    driver.renew = renew
    lease = keeper(driver, lost, contact=contact)
    lease.start()
    await eventually(lambda: len(found) >= 2)
    await lease.stop()
    assert found[:2] == [False, True]
    assert contact.answers


class Way:
    """A store whose renewals are answered while the way to it is open; others hang, or fail at once."""

    def __init__(self) -> None:
        self.open_ = threading.Event()
        self.open_.set()
        self.sent: list[float] = []
        self.answered: list[float] = []
        self.hangs = False

    async def open(self) -> None: ...

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        sent = time.monotonic()
        self.sent.append(sent)
        while not self.open_.is_set():
            if not self.hangs:
                raise StoreUnavailable("cut off")
            await asyncio.sleep(0.01)
        self.answered.append(sent)
        return Renewal(alive=True, cancel=[])

    async def close(self) -> None: ...


class Heard:
    """What a keeper says of being cut off, with the time at which it was heard."""

    def __init__(self) -> None:
        self.contact = Contact()
        self.cut_off_at: list[float] = []
        self.back_at: list[float] = []

    def keeper(self, way: Way, seconds: float) -> LeaseKeeper:
        """Return a keeper that this one hears."""
        return keeper(
            way,
            asyncio.Event(),
            seconds,
            cut_off=lambda: self.cut_off_at.append(time.monotonic()),
            back=lambda: self.back_at.append(time.monotonic()),
            contact=self.contact,
        )


@pytest.mark.parametrize("hangs", [False, True], ids=["refused", "hanging"])
async def test_who_is_cut_off_is_told_before_others_may_take_the_jobs(hangs: bool) -> None:
    seconds, heard, way = 1.2, Heard(), Way()
    way.hangs = hangs
    lease = heard.keeper(way, seconds)
    lease.start()
    await eventually(lambda: len(way.answered) >= 2)
    way.open_.clear()
    await eventually(lambda: bool(heard.cut_off_at))
    assert heard.contact.is_cut_off
    assert seconds * 0.8 <= heard.cut_off_at[0] - way.answered[-1] < seconds
    way.open_.set()
    await eventually(lambda: bool(heard.back_at))
    assert not heard.contact.is_cut_off
    assert heard.back_at[0] - way.answered[-1] < seconds
    await lease.stop()
    assert (len(heard.cut_off_at), len(heard.back_at)) == (1, 1)


async def test_an_answer_to_what_was_sent_long_ago_is_not_enough() -> None:
    seconds, heard, way = 0.6, Heard(), Way()
    way.hangs = True
    way.open_.clear()
    lease = heard.keeper(way, seconds)
    lease.start()
    await eventually(lambda: bool(heard.cut_off_at))
    await asyncio.sleep(seconds)  # now it may have been done a lease ago
    way.open_.set()
    await eventually(lambda: bool(heard.back_at))
    await lease.stop()
    assert len(way.answered) >= 2, "the first answer alone says nothing of now"


async def test_a_thread_that_could_not_run_asks_before_it_gives_anything_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"ahead": 0.0}
    monotonic = time.monotonic
    monkeypatch.setattr("aioqueue.worker.lease.time", SimpleNamespace(monotonic=lambda: monotonic() + clock["ahead"]))
    heard, way = Heard(), Way()
    lease = heard.keeper(way, 1.2)
    lease.start()
    await eventually(lambda: len(way.answered) >= 2)
    clock["ahead"] = 10.0  # as after a freeze of ten seconds
    asked = len(way.answered)
    await eventually(lambda: len(way.answered) >= asked + 4)
    await lease.stop()
    assert heard.cut_off_at == []
