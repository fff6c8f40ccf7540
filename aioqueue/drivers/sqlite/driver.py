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
    LARGEST_NEWS,
    Admitted,
    Cancelled,
    Claimed,
    Ended,
    Hear,
    HearNews,
    Lease,
    NewChord,
    NewJob,
    Outcome,
    Page,
    Renewal,
    Revocation,
    Settled,
    Shelf,
    StoredJob,
    Verdict,
)
from aioqueue.drivers.sqlite import (
    cancelling,
    claiming,
    enqueueing,
    firing,
    keyvalue,
    leases,
    limits,
    locks,
    looking,
    notes,
    pausing,
    replaying,
    results,
    revoking,
    schedule,
    settling,
)
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

    @property
    def path(self) -> Path:
        """Where the file is, or will be."""
        return self._path

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
    async def enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        """Store each job, and each chord, whose id and key are not taken, and wake workers."""
        admitted = await self._store.write(enqueueing.enqueue, jobs[:STEP], chords) if jobs or chords else []
        for step in _steps(jobs[STEP:]):
            admitted += await self._store.write(enqueueing.enqueue, step)
        return admitted

    async def cancel(self, ended: Ended, ends: Sequence[Ended] = ()) -> Cancelled:
        """End a job that does not run, and `ends` with it; ask for the end of one that runs."""
        return await self._store.write(cancelling.cancel, ended, ends)

    async def cancellations(self, incarnation: str) -> list[str]:
        """Return the running jobs of this incarnation that someone asked to cancel."""
        return await self._store.read(cancelling.cancellations, incarnation)

    async def reschedule(self, job_id: str, delay: float, eta: float) -> bool:
        """Give a scheduled job another due time."""
        return await self._store.write(schedule.reschedule, job_id, delay, eta)

    async def replay(self, job_id: str, job: NewJob) -> bool:
        """Enqueue a job in place of a dead letter, which stays if the job cannot be there."""
        return await self._store.write(replaying.replay, job_id, job)

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        """Move jobs from the head of the line to this incarnation."""
        return await self._store.write(claiming.claim, incarnation, batch, limit, suspects)

    async def wait(self, incarnation: str, timeout: float) -> None:
        """Return when there may be something new to claim or to schedule, or after `timeout` seconds."""
        await self._open.wait(incarnation, timeout)

    async def claim_when_woken(
        self, incarnation: str, batch: int, limit: int, suspects: int, timeout: float
    ) -> Claimed:
        """Wait, then claim."""
        await self.wait(incarnation, timeout)
        return await self.claim(incarnation, batch, limit, suspects)

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

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        """Extend a lease that exists."""
        return await self._store.write(leases.renew, incarnation, info)

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

    # ------------------------------------------------------------------ stopping
    async def revoke(self, target: str, until: float = 0.0, *, once: bool = False, ttl: float = 0.0) -> None:
        """Put a mark on a target."""
        await self._store.write(revoking.revoke, target, until, once=once, ttl=ttl)

    async def restore(self, target: str) -> bool:
        """Remove the mark of a target, and answer whether it held."""
        return await self._store.write(revoking.restore, target)

    async def revocations(self, targets: Sequence[str]) -> list[Revocation | None]:
        """Return the mark that holds for each target."""
        return await self._store.read(revoking.revocations, targets)

    async def pause(self) -> None:
        """Let claims give nothing until `resume`."""
        await self._store.write(pausing.pause)

    async def resume(self) -> None:
        """Let claims give jobs again."""
        await self._store.write(pausing.resume)

    async def is_paused(self) -> bool:
        """Tell whether the queue is paused."""
        return await self._store.read(pausing.is_paused)

    # ------------------------------------------------------------------ coordination
    async def fire(self, schedule: str, slot: float, job: NewJob) -> bool:
        """Enqueue the job of one slot of a schedule, once over all workers."""
        return await self._store.write(firing.fire, schedule, slot, job)

    async def last_slots(self, schedules: Sequence[str]) -> list[float | None]:
        """Return the last slot fired of each schedule."""
        return await self._store.read(firing.last_slots, schedules)

    async def acquire(self, name: str, owner: str, ttl: float, limit: int = 1) -> bool:
        """Take one of the places of a lock; an owner that has one keeps it, from now on for `ttl` seconds."""
        return await self._store.write(locks.acquire, name, owner, ttl, limit)

    async def extend(self, name: str, owner: str, ttl: float) -> bool:
        """Hold a place for `ttl` seconds from now."""
        return await self._store.write(locks.extend, name, owner, ttl)

    async def free(self, name: str, owner: str) -> bool:
        """Give a place back."""
        return await self._store.write(locks.free, name, owner)

    async def holders(self, names: Sequence[str]) -> list[int]:
        """Return how many places of each lock are taken."""
        return await self._store.read(locks.holders, names)

    async def clear(self, names: Sequence[str]) -> int:
        """Free every place of these locks, of all locks if none is named."""
        return await self._store.write(locks.clear, names)

    async def spend(self, name: str, limit: int, per: float) -> float:
        """Take one of `limit` uses in any `per` seconds, or answer in how many seconds there is one; O(limit)."""
        return await self._store.write(limits.spend, name, limit, per)

    # ------------------------------------------------------------------ key-value, a keyspace of its own
    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        return await self._store.read(keyvalue.get, key)

    async def put(self, key: str, value: bytes, ttl: float = 0.0) -> None:
        """Store a value for `ttl` seconds, 0 for ever."""
        await self._store.write(keyvalue.put, key, value, ttl)

    async def put_if_absent(self, key: str, value: bytes, ttl: float = 0.0) -> bool:
        """Store a value unless there is one."""
        return await self._store.write(keyvalue.put_if_absent, key, value, ttl)

    async def pop(self, key: str) -> bytes | None:
        """Remove a value and return it."""
        return await self._store.write(keyvalue.pop, key)

    async def delete(self, key: str) -> bool:
        """Remove a value, and answer whether there was one."""
        return await self._store.write(keyvalue.pop, key) is not None

    async def increment(self, key: str, by: int = 1) -> int:
        """Add to a whole number kept as decimal text; `ValueError` for another value."""
        return await self._store.write(keyvalue.increment, key, by)

    # ------------------------------------------------------------------ news
    async def publish(self, topic: str, data: bytes) -> int:
        """Tell the present subscribers of a topic; where nobody else subscribes, nothing is written."""
        _check_size(data)
        return await self._open.subscribing.publish(topic, data)

    async def subscribe(self, topic: str, hear: HearNews) -> None:
        """Have `hear` called for what is published from now on."""
        await self._open.subscribing.add(topic, hear)

    async def unsubscribe(self, topic: str) -> None:
        """Hear no more of a topic."""
        await self._open.subscribing.remove(topic)

    @property
    def audience(self) -> bool:
        """Whether anyone subscribed to events when the file was last looked at."""
        return self._opened is not None and self._opened.hand_over.audience

    async def note(self, job_id: str, data: bytes, ttl: float) -> int:
        """Add a note to a job, publish it, and return its number."""
        _check_size(data)
        return await self._open.subscribing.note(job_id, data, ttl)

    async def notes(self, job_id: str, after: int) -> list[tuple[int, bytes]]:
        """Return the notes of a job with a number above `after`."""
        return await self._store.read(notes.notes, job_id, after)

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
        """Remove everything of this queue except leases, the pause and the key-value store."""
        await self._store.write(looking.flush)

    async def now(self) -> float:
        """Return the store's time."""
        return await self._store.read(looking.now)

    async def shift(self, seconds: float) -> None:
        """Move the store's clock for this queue."""
        await self._store.write(looking.shift, seconds)


def _check_size(data: bytes) -> None:
    if len(data) > LARGEST_NEWS:
        raise ValueError(f"{len(data)} bytes of news are more than {LARGEST_NEWS}")


def _steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut what is too much for one step; no items are no step."""
    return (items[start : start + STEP] for start in range(0, len(items), STEP))
