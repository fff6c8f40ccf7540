"""Renewing the lease of one incarnation, from a thread of its own with a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from aioqueue.drivers.base import Driver
from aioqueue.errors import StoreUnavailable
from aioqueue.offload import in_thread
from aioqueue.retry import reconnect_delays
from aioqueue.worker.contact import Contact

logger: Final = logging.getLogger("aioqueue")

RENEWALS_PER_LEASE: Final = 6
RENEWALS_BEFORE_CUT_OFF: Final = 5  # the last sixth is for bodies to end in
LEASES_BEFORE_STALLED: Final = 10
LONGEST_WAIT_FOR_THE_LOOP: Final = 0.5
SHARE_OF_AN_INTERVAL: Final = 0.1


class LeaseKeeper:
    """Keeps a lease alive while the worker's loop turns, so that a task that blocks the loop is not run twice.

    On the worker's loop `lost` is called when nobody renews the lease any more, as after it was reaped; `cancel` with
    jobs that are to be cancelled; once it was told to `say` something, `announce` before each renewal for what the
    worker says of itself by then. A loop that does not answer soon delays no renewal: what it said last goes out again.
    Renewal stops by itself when the loop has not turned for ten leases; from one lease on that is logged with the stack
    that blocks it.

    Nobody reaps a lease sooner than its length after a renewal was sent that was answered. A sixth of it before,
    `cut_off` is called, and `back` when a renewal has been answered in time again.
    """

    def __init__(
        self,
        driver: Driver,
        incarnation: str,
        seconds: float,
        *,
        lost: Callable[[], None],
        cancel: Callable[[list[str]], None],
        announce: Callable[[], bytes],
        cut_off: Callable[[], None],
        back: Callable[[], None],
        contact: Contact,
    ) -> None:
        self._driver = driver
        self._incarnation = incarnation
        self._seconds = seconds
        self._lost = lost
        self._cancel = cancel
        self._announce = announce
        self._cut_off = cut_off
        self._back = back
        self._contact = contact
        self._said = b""
        self._interval = seconds / RENEWALS_PER_LEASE
        self._pause = self._interval
        self._delays = reconnect_delays()
        self._renewed_at = time.monotonic()  # when the last renewal that was answered was sent
        self._asking_since: float | None = None  # when the first one since then was sent
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._pinged_at: float | None = None
        self._stall_reported = False
        self._is_open = False
        self._thread = threading.Thread(target=self._run, name=f"aioqueue-lease-{incarnation[:8]}", daemon=True)
        self._stopping = threading.Event()
        self._wake: Callable[[], object] = lambda: None
        self._answer: Callable[[], object] = lambda: None

    @property
    def is_fresh(self) -> bool:
        """Whether the lease was renewed within its length, by this machine's clock."""
        return time.monotonic() - self._renewed_at < self._seconds

    def start(self) -> None:
        """Start renewing."""
        self._thread.start()

    @property
    def is_heard(self) -> bool:
        """Whether something has been said."""
        return bool(self._said)

    def say(self, info: bytes) -> None:
        """Say this with each renewal until the loop has announced something newer; until told so, say nothing."""
        self._said = info

    async def stop(self) -> None:
        """Stop renewing and close the connection; harmless at any time. The lease is left to whoever retires it."""
        self._stopping.set()
        with suppress(RuntimeError):  # its loop has ended by itself, or was stopped before
            self._wake()
        if self._thread.ident is not None:
            # Not with the limiter that the application shares: all its threads may be busy for long.
            await in_thread(self._thread.join)

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._keep())
        except Exception:
            logger.exception("the lease %s is not renewed any more", self._incarnation)
            self._stopping.wait(self._interval)  # whoever begins anew is not to do so in a rush
        finally:
            if not self._stopping.is_set():
                self._tell(self._lost)

    async def _keep(self) -> None:
        woken, answered = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        self._answer = lambda: loop.call_soon_threadsafe(answered.set)
        watching = asyncio.create_task(self._watch())
        try:
            while not self._stopping.is_set():
                if await _is_set_within(woken, self._pause):
                    return
                answered.clear()
                stalled_for = self._look_at_the_loop()
                if not stalled_for:
                    await _is_set_within(
                        answered, min(self._interval * SHARE_OF_AN_INTERVAL, LONGEST_WAIT_FOR_THE_LOOP)
                    )
                if not await self._renew(stalled_for):
                    return
        finally:
            watching.cancel()
            self._wake = self._answer = lambda: None
            await self._driver.close()

    async def _renew(self, stalled_for: float) -> bool:
        """Renew once, unless the loop has stalled for too long; answer whether to go on."""
        if stalled_for > self._seconds * LEASES_BEFORE_STALLED:
            logger.error("the event loop has not turned for %.0f s: its lease is given up", stalled_for)
            return False
        sent_at = time.monotonic()
        if self._asking_since is None:
            self._asking_since = sent_at
        try:
            await self._open()
            renewal = await self._driver.renew(self._incarnation, self._said)
        except StoreUnavailable as error:
            logger.debug("cannot renew the lease now: %s", error)
            self._note_failure()
            return True
        except Exception:
            logger.exception("cannot renew the lease now")
            self._note_failure()
            return True
        self._contact.answers = True
        if renewal.alive:
            self._note_renewal(sent_at)
        if renewal.cancel:
            self._tell(partial(self._cancel, renewal.cancel))
        return renewal.alive

    def _note_failure(self) -> None:
        self._contact.answers = False
        self._pause = min(self._interval, next(self._delays))

    def _note_renewal(self, sent_at: float) -> None:
        self._renewed_at, self._asking_since = sent_at, None
        self._pause, self._delays = self._interval, reconnect_delays()
        if not self._contact.is_cut_off:
            return
        if time.monotonic() < self._safe_until():
            self._contact.is_cut_off = False
            self._tell(self._back)
        else:  # the store may have done it when it was sent, which is long ago
            self._pause = 0.0

    async def _watch(self) -> None:
        """Say that this worker is cut off when no renewal has been answered for so long that the lease may run out."""
        while True:
            safe_for = self._safe_for()
            if safe_for <= 0 and not self._contact.is_cut_off:
                self._contact.is_cut_off = True
                self._tell(self._cut_off)
            await asyncio.sleep(safe_for if safe_for > 0 else self._interval)

    def _safe_for(self) -> float:
        """Return for how long bodies may go on if no renewal is answered.

        Who could not ask, because the process stood still or a call held the GIL, asks first: the lease may well be
        there, and if it is not, it is too late to be early.
        """
        now = time.monotonic()
        asked_at = now if self._asking_since is None else self._asking_since
        return max(self._safe_until(), asked_at + self._interval) - now

    def _safe_until(self) -> float:
        return self._renewed_at + self._interval * RENEWALS_BEFORE_CUT_OFF

    async def _open(self) -> None:
        if not self._is_open:
            await self._driver.open()
            self._is_open = True

    def _look_at_the_loop(self) -> float:
        """Return for how many seconds a ping has gone unanswered; send the next when it has been answered."""
        now, pinged_at = time.monotonic(), self._pinged_at  # which the loop sets to None whenever it likes
        if pinged_at is None:
            self._pinged_at = now
            self._tell(self._turn)
            return 0.0
        stalled_for = now - pinged_at
        if stalled_for < self._seconds:
            self._stall_reported = False
        elif not self._stall_reported:
            self._stall_reported = True
            logger.warning("the event loop is blocked for %.1f s, in:\n%s", stalled_for, self._stack_of_the_loop())
        return stalled_for

    def _turn(self) -> None:
        self._pinged_at = None
        try:
            if self._said:
                self._said = self._announce()
        finally:
            with suppress(RuntimeError):  # the lease's own loop has ended
                self._answer()

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the worker's loop has been closed
            logger.debug("the worker's loop is gone")

    def _stack_of_the_loop(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 -- the documented way to another thread's stack
        return "".join(traceback.format_stack(frame)) if frame is not None else "(unknown)"


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
