"""Waiting for results: one listener a queue, however many wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from aioqueue.batching import Batcher
from aioqueue.drivers.base import Driver, Settled
from aioqueue.errors import StoreUnavailable

logger: Final = logging.getLogger("aioqueue")

FIRST_POLL: Final = 1.0
LONGEST_POLL: Final = 30.0
REGISTRATION_TTL: Final = 3 * LONGEST_POLL
_CHUNK: Final = 1_000


class _Wait:
    """Everybody here who waits for one job, and when to ask for it next if no push comes."""

    __slots__ = ("futures", "interval", "next_poll")

    def __init__(self, now: float) -> None:
        self.futures: set[asyncio.Future[Settled]] = set()
        self.interval = FIRST_POLL
        self.next_poll = now + FIRST_POLL


class Listener:
    """Tells waiters what became of their jobs: by the store's push, and by a slow poll should a push be lost.

    Belongs to one running loop. Waiting costs one registration in the store a job, batched with all others of the
    same turn of the loop, whoever else waits for it. A store that goes away is waited for. `gap` is called when pushes
    may have been missed.
    """

    def __init__(self, driver: Driver, gap: Callable[[], None] = lambda: None) -> None:
        self._driver = driver
        self._tell_of_gap = gap
        self._waits: dict[str, _Wait] = {}
        self._watching: Batcher[str, None] = Batcher(self._watch, _CHUNK)
        self._leaving: Batcher[str, None] = Batcher(self._unwatch, _CHUNK)
        self._listening: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._closed = False

    async def wait(self, job_id: str) -> Settled:
        """Return when the job has finished, or at once with the state UNKNOWN if the store has no trace of it."""
        is_asked_for = job_id in self._waits
        settled = self.expect(job_id)
        try:
            if not is_asked_for:
                self.ask(job_id)
            return await settled
        finally:
            self.leave(job_id, settled)

    def expect(self, job_id: str) -> asyncio.Future[Settled]:
        """Begin to wait for a job that is about to be stored, until `leave`; `ask` is to follow when it is."""
        if self._closed:
            raise StoreUnavailable("the queue has been closed")
        loop = asyncio.get_running_loop()
        wait = self._waits.get(job_id)
        if wait is None:
            wait = self._waits[job_id] = _Wait(loop.time())
            self._start_polling(loop)
        future: asyncio.Future[Settled] = loop.create_future()
        wait.futures.add(future)
        return future

    def leave(self, job_id: str, settled: asyncio.Future[Settled]) -> None:
        """Wait no more; nobody but the last one to leave ends the registration in the store."""
        wait = self._waits.get(job_id)
        if wait is None:
            return
        wait.futures.discard(settled)
        if not wait.futures:
            del self._waits[job_id]
            self._leaving.submit(job_id)

    def ask(self, job_id: str) -> None:
        """Ask the store for a job that is waited for, together with all others of the same turn of the loop."""
        self._watching.submit(job_id)

    async def close(self) -> None:
        """Stop asking; waits that are still open end with `StoreUnavailable`."""
        self._closed = True
        self._fail(list(self._waits), StoreUnavailable("the queue was closed while this result was awaited"))
        running = [task for task in (self._polling, self._listening) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._watching.close()
        await self._leaving.close()

    def _hear(self, job_id: str, settled: Settled | None) -> None:
        if job_id not in self._waits:
            return
        if settled is None:
            self._watching.submit(job_id)
        else:
            self._tell(settled)

    def ask_again(self) -> None:
        """Ask for all that is waited for: pushes may have been missed, or registrations have run out."""
        for job_id in self._waits:
            self._watching.submit(job_id)
        self._tell_of_gap()

    def _tell(self, settled: Settled) -> None:
        wait = self._waits.pop(settled.id, None)
        if wait is None:
            return
        for future in wait.futures:
            if not future.done():
                future.set_result(settled)

    def _fail(self, ids: Sequence[str], error: Exception) -> None:
        for job_id in ids:
            wait = self._waits.pop(job_id, None)
            for future in wait.futures if wait is not None else ():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # whoever expected it may be busy with storing it, and fail at that

    async def _watch(self, ids: Sequence[str]) -> list[None]:
        try:
            await self._listen()
            waited_for = [job_id for job_id in ids if job_id in self._waits]
            for settled in await self._driver.watch(waited_for, REGISTRATION_TTL) if waited_for else ():
                if settled is not None:
                    self._tell(settled)
        except StoreUnavailable as error:
            logger.debug("cannot ask for results now, the next poll will: %s", error)
        except Exception as error:  # noqa: BLE001 -- asking again will not mend it: it belongs to those who wait
            self._fail(ids, error)
        return [None] * len(ids)

    async def _unwatch(self, ids: Sequence[str]) -> list[None]:
        gone = [job_id for job_id in ids if job_id not in self._waits]
        try:
            await self._driver.unwatch(gone)
        except StoreUnavailable as error:
            logger.debug("registrations end by their ttl: %s", error)
        return [None] * len(ids)

    async def _listen(self) -> None:
        listening = self._listening
        if listening is None or _has_failed(listening):
            listening = self._listening = asyncio.ensure_future(self._driver.listen(self._hear, self.ask_again))
        if not listening.done():
            await asyncio.shield(listening)

    def _start_polling(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._polling is None or self._polling.done():
            self._polling = loop.create_task(self._poll())

    async def _poll(self) -> None:
        """Ask again for what has been waited for long: the push may have been lost, the registration runs out."""
        loop = asyncio.get_running_loop()
        while self._waits:
            await asyncio.sleep(FIRST_POLL)
            now = loop.time()
            due = [job_id for job_id, wait in self._waits.items() if wait.next_poll <= now]
            for job_id in due:
                wait = self._waits[job_id]
                wait.interval = min(wait.interval * 1.5, LONGEST_POLL)
                wait.next_poll = now + wait.interval
            for start in range(0, len(due), _CHUNK):
                await self._watch(due[start : start + _CHUNK])


def _has_failed(listening: asyncio.Future[None]) -> bool:
    return listening.done() and (listening.cancelled() or listening.exception() is not None)
