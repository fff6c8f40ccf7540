"""The SQLite driver: the contract of `aioqueue.drivers.base` over one file, shared by any number of processes.

Every operation runs on the driver's own thread, in one transaction with all that wait there, and returns when it is
on disk. Operations of other processes are waited for at most `faults.PATIENCE` seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from aioqueue.drivers.base import (
    Admission,
    Claimed,
    Hear,
    Lease,
    NewJob,
    Outcome,
    Page,
    Renewal,
    Settled,
    Shelf,
    StoredJob,
    Verdict,
)
from aioqueue.drivers.sqlite import claiming, enqueueing, leases, looking, results, schedule, settling
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.opened import Opened
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.states import JobState

STEP: Final = 1_000

T = TypeVar("T")


class SqliteDriver:
    """A `Driver` on one queue of the file at `path`; many queues may share a file."""

    def __init__(self, path: str, queue: str = "default") -> None:
        self._path = Path(path).absolute()
        self._queue = queue
        self._opened: Opened | None = None

    def __repr__(self) -> str:
        return f"SqliteDriver({str(self._path)!r}, queue={self._queue!r})"

    # ------------------------------------------------------------------ life
    async def open(self) -> None:
        """Open or create the file; a driver whose loop was closed, or whose process has forked, begins anew.

        `ConfigurationError` if the directory is missing, if the file is no store or has a newer layout, and if the
        driver is open in another running loop.
        """
        self._drop_stale()
        if self._opened is None:
            opened = Opened(self._path, self._queue)
            await opened.start()
            self._opened = opened
        elif self._opened.hand_over.loop is not asyncio.get_running_loop():
            raise ConfigurationError(f"the SQLite driver of {self._path} is open in another loop: use clone()")

    async def close(self) -> None:
        """Finish what is under way, close the file and join the thread."""
        self._drop_stale()
        opened, self._opened = self._opened, None
        if opened:
            await opened.close()

    def clone(self) -> SqliteDriver:
        """Return another, unopened driver on the same file and queue."""
        return SqliteDriver(str(self._path), self._queue)

    def _drop_stale(self) -> None:
        """Let go of what belongs to a loop that was closed, or to the process that this one was forked from."""
        opened = self._opened
        if opened and opened.process != os.getpid():
            self._opened = None
            opened.disown()
        elif opened and opened.hand_over.loop.is_closed():
            self._opened = None
            opened.abandon()

    @property
    def _open(self) -> Opened:
        if self._opened is None:
            raise StoreUnavailable(f"the SQLite file {self._path}: the driver is not open")
        return self._opened

    @property
    def _store(self) -> HandOver:
        return self._open.hand_over

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob]) -> list[Admission]:
        """Store each job whose id is not taken, and wake workers."""
        admissions: list[Admission] = []
        for step in _steps(jobs):
            admissions += await self._store.write(enqueueing.enqueue, step)
        return admissions

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        """Move jobs from the head of the line to this incarnation."""
        return await self._store.write(claiming.claim, incarnation, batch, limit, suspects)

    async def wait(self, incarnation: str, timeout: float) -> None:
        """Return when there may be something new to claim or to schedule, or after `timeout` seconds."""
        await self._open.wait(incarnation, timeout)

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """End each claim with its outcome, and tell waiters."""
        verdicts: list[Verdict] = []
        for step in _steps(outcomes):
            verdicts += await self._store.write(settling.settle, incarnation, step)
        return verdicts

    async def release(self, incarnation: str, claims: Mapping[str, int]) -> int:
        """Put claimed jobs back where they stood in line."""
        return await self._store.write(claiming.release, incarnation, claims)

    async def claims(self, incarnation: str) -> dict[str, int]:
        """Return what the store says this incarnation holds: id → token."""
        return await self._store.read(claiming.claims, incarnation)

    async def promote(self, limit: int) -> float | None:
        """Queue scheduled jobs that are due, and answer in how many seconds the next one is."""
        return await self._store.write(schedule.promote, limit)

    # ------------------------------------------------------------------ leases
    async def register(self, incarnation: str, seconds: float, info: bytes) -> None:
        """Create the lease of a new incarnation."""
        await self._store.write(leases.register, incarnation, seconds, info)

    async def renew(self, incarnation: str) -> Renewal:
        """Extend a lease that exists."""
        return await self._store.write(leases.renew, incarnation)

    async def retire(self, incarnation: str) -> int:
        """End a lease and release all its claims."""
        self._open.wakes.forget(incarnation)
        return await self._store.write(leases.retire, incarnation)

    async def leases(self) -> list[Lease]:
        """Return every lease of the queue."""
        return await self._store.read(leases.leases)

    async def reap(self, incarnation: str, counter: int) -> int | None:
        """End a lease whose counter is still `counter`, and make its jobs suspects."""
        return await self._store.write(leases.reap, incarnation, counter)

    # ------------------------------------------------------------------ results
    async def results(self, ids: Sequence[str]) -> list[Settled | None]:
        """Return what is known of each finished job."""
        return await self._store.read(results.results, ids)

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:  # noqa: ARG002 -- what is told waits in the file
        """Start to hear of jobs registered by `watch`."""
        await self._open.listen(hear)

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        """Return each result that is there, and register this driver's bell for the others."""
        return await self._store.write(results.watch, ids, ttl)

    async def unwatch(self, ids: Sequence[str]) -> None:
        """Forget this listener's registrations for `ids`."""
        await self._store.write(results.unwatch, ids)

    # ------------------------------------------------------------------ looking
    async def job(self, job_id: str) -> StoredJob | None:
        """Return a job that is scheduled, queued, running or a dead letter."""
        return await self._store.read(looking.job, job_id)

    async def state(self, job_id: str) -> JobState:
        """Return the state of a job."""
        return await self._store.read(looking.state, job_id)

    async def jobs(self, shelf: Shelf, cursor: str = "", limit: int = 100) -> Page:
        """Return jobs page by page."""
        return await self._store.read(looking.jobs, shelf, cursor, limit)

    async def counts(self) -> dict[Shelf, int]:
        """Return how many jobs stand on each shelf; reads every index entry of the queue."""
        return await self._store.read(looking.counts)

    async def flush(self) -> None:
        """Remove everything of this queue except leases."""
        await self._store.write(looking.flush)

    async def now(self) -> float:
        """Return the store's time."""
        return await self._store.read(looking.now)

    async def shift(self, seconds: float) -> None:
        """Move the store's clock for this queue."""
        await self._store.write(looking.shift, seconds)


def _steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut what is too much for one step; no items are no step."""
    return (items[start : start + STEP] for start in range(0, len(items), STEP))
