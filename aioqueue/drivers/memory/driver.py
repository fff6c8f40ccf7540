"""The memory driver: the contract of `aioqueue.drivers.base` over dictionaries, without a server and without waiting.

No operation awaits anything but `wait`, so each is one step for its loop; the store's lock makes it one step for the
loops of other threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

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
from aioqueue.drivers.memory import pages
from aioqueue.drivers.memory.record import Record, claim_of, stored
from aioqueue.drivers.memory.remains import Remains
from aioqueue.drivers.memory.settling import Settling, admit
from aioqueue.drivers.memory.shelves import Shelves
from aioqueue.drivers.memory.store import MemoryStore, QueueState, Standing
from aioqueue.drivers.memory.watchers import Ear
from aioqueue.states import JobState


class MemoryDriver:
    """A `Driver` on one queue of a `MemoryStore`."""

    def __init__(self, store: MemoryStore, queue: str) -> None:
        self._store = store
        self._queue = queue
        self._ear = Ear()

    def __repr__(self) -> str:
        return f"MemoryDriver(queue={self._queue!r})"

    # ------------------------------------------------------------------ life
    async def open(self) -> None:
        """Do nothing: the store is there."""

    async def close(self) -> None:
        """Stop listening."""
        self._ear.close()

    def clone(self) -> MemoryDriver:
        """Return another driver on the same store and queue."""
        return MemoryDriver(self._store, self._queue)

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob]) -> list[Admission]:
        """Store each job and wake a waiting worker."""
        with self._state() as state:
            now = state.now()
            admissions = [admit(state, job, now) for job in jobs]
            if any(stirs for _, stirs in admissions):
                state.bell.ring()
        return [admission for admission, _ in admissions]

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        """Move jobs from the head of the line to this incarnation."""
        with self._state() as state:
            now, shelves, standing = state.now(), state.shelves, state.leases.get(incarnation)
            if standing is None:
                return Claimed([], now, shelves.schedule.due_in(now), False)
            if standing.batch == batch:
                taken = [record for record in shelves.claims.get(incarnation, {}).values() if record.batch == batch]
            else:
                standing.batch = batch
                taken = self._take(shelves, incarnation, batch, limit, suspects)
            if taken and (shelves.ready or shelves.suspects):
                state.bell.ring()
            claims = [claim_of(record) for record in taken]
            return Claimed(claims, now, shelves.schedule.due_in(now), shelves.offers(taken, suspects))

    async def wait(self, incarnation: str, timeout: float) -> None:  # noqa: ARG002 - any worker may be woken
        """Return when there may be something new to claim or to schedule, or after `timeout` seconds."""
        with self._state() as state:
            sleeper = state.bell.lie_down()
        try:
            await asyncio.wait([sleeper.woken], timeout=timeout)
        except asyncio.CancelledError:
            with self._state() as state:
                if state.bell.get_up(sleeper):
                    state.bell.ring()  # it was meant for somebody
            raise
        with self._state() as state:
            state.bell.get_up(sleeper)

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """End each claim with its outcome."""
        with self._state() as state:
            settling = Settling(state, state.now())
            verdicts: list[Verdict] = [settling.apply(incarnation, outcome) for outcome in outcomes]
            state.watchers.tell(settling.news, settling.now)
            if settling.stirs:
                state.bell.ring()
        return verdicts

    async def release(self, incarnation: str, claims: Mapping[str, int]) -> int:
        """Hand jobs back to the head of their lines."""
        with self._state() as state:
            held = [state.shelves.held(incarnation, job_id, token) for job_id, token in claims.items()]
            records = [record for record in held if record is not None]
            for record in records:
                state.shelves.drop_claim(record)
            return hand_back(state, records)

    async def claims(self, incarnation: str) -> dict[str, int]:
        """Return what the store says this incarnation holds."""
        with self._state() as state:
            return {record.id: record.token for record in state.shelves.claims.get(incarnation, {}).values()}

    async def promote(self, limit: int) -> float | None:
        """Queue scheduled jobs that are due, and wake waiters."""
        with self._state() as state:
            now, shelves = state.now(), state.shelves
            due = shelves.schedule.take_due(limit, now)
            for record in due:
                shelves.queue(record)
            if due:
                state.bell.ring()
            return shelves.schedule.due_in(now)

    # ------------------------------------------------------------------ leases
    async def register(self, incarnation: str, seconds: float, info: bytes) -> None:
        """Create the lease of a new incarnation."""
        with self._state() as state:
            state.leases.setdefault(incarnation, Standing(seconds, info, state.now()))

    async def renew(self, incarnation: str) -> Renewal:
        """Extend a lease that exists."""
        with self._state() as state:
            standing = state.leases.get(incarnation)
            if standing is None:
                return Renewal(alive=False, cancel=[])
            standing.counter += 1
            standing.renewed_at = state.now()
            return Renewal(alive=True, cancel=[])

    async def retire(self, incarnation: str) -> int:
        """End a lease and release all its claims."""
        with self._state() as state:
            state.leases.pop(incarnation, None)
            return hand_back(state, state.shelves.drop_claims(incarnation))

    async def leases(self) -> list[Lease]:
        """Return every lease of the queue."""
        with self._state() as state:
            return [standing.lease(incarnation) for incarnation, standing in state.leases.items()]

    async def reap(self, incarnation: str, counter: int) -> int | None:
        """End a lease whose counter is still `counter`, and make its jobs suspects."""
        with self._state() as state:
            standing = state.leases.get(incarnation)
            if standing is None or standing.counter != counter:
                return None
            del state.leases[incarnation]
            records = state.shelves.drop_claims(incarnation)
            for record in records:
                record.deliveries += 1
                state.shelves.queue(record)
            if records:
                state.bell.ring()
            return len(records)

    # ------------------------------------------------------------------ results
    async def results(self, ids: Sequence[str]) -> list[Settled | None]:
        """Return what is known of each finished job."""
        with self._state() as state:
            now = state.now()
            return [state.remains.settled(job_id, now) for job_id in ids]

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:  # noqa: ARG002 - nothing is missed here
        """Start to hear of jobs registered by `watch`."""
        self._ear.loop, self._ear.hear = asyncio.get_running_loop(), hear

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        """Return each result that is there, and register this driver's listener for the live ones."""
        with self._state() as state:
            now = state.now()
            for job_id in ids:
                if job_id in state.shelves.jobs:
                    state.watchers.register(job_id, self._ear, now + ttl, now)
            return [None if job_id in state.shelves.jobs else state.remains.last_words(job_id, now) for job_id in ids]

    async def unwatch(self, ids: Sequence[str]) -> None:
        """Forget this listener's registrations."""
        with self._state() as state:
            now = state.now()
            for job_id in ids:
                state.watchers.unregister(job_id, self._ear, now)

    # ------------------------------------------------------------------ looking
    async def job(self, job_id: str) -> StoredJob | None:
        """Return a job that is scheduled, queued, running or a dead letter."""
        with self._state() as state:
            record = state.shelves.jobs.get(job_id)
            return state.remains.dead(job_id, state.now()) if record is None else stored(record)

    async def state(self, job_id: str) -> JobState:
        """Return the state of a job, finished ones included."""
        with self._state() as state:
            record = state.shelves.jobs.get(job_id)
            if record is not None:
                return record.state
            return state.remains.state(job_id, state.now())

    async def jobs(self, shelf: Shelf, cursor: str = "", limit: int = 100) -> Page:
        """Return jobs page by page."""
        with self._state() as state:
            match shelf:
                case "queued":
                    return pages.page(state.shelves.queued, pages.in_line, cursor, limit)
                case "scheduled":
                    return pages.page(state.shelves.scheduled, pages.by_due_time, cursor, limit)
                case "running":
                    return pages.page(state.shelves.running, pages.by_token, cursor, limit)
                case "dead":
                    return pages.dead_page(state.remains.dead_letters(state.now()), cursor, limit)

    async def counts(self) -> dict[Shelf, int]:
        """Return how many jobs stand on each shelf."""
        with self._state() as state:
            shelves = state.shelves
            return {
                "queued": len(shelves.ready) + len(shelves.suspects),
                "scheduled": len(shelves.schedule),
                "running": sum(len(claims) for claims in shelves.claims.values()),
                "dead": len(state.remains.dead_letters(state.now())),
            }

    async def flush(self) -> None:
        """Remove everything of this queue except leases."""
        with self._state() as state:
            state.shelves, state.remains = Shelves(), Remains()

    async def now(self) -> float:
        """Return the store's time."""
        with self._state() as state:
            return state.now()

    async def shift(self, seconds: float) -> None:
        """Move the store's clock for this queue."""
        with self._state() as state:
            state.offset += seconds
            state.bell.ring()

    @contextmanager
    def _state(self) -> Iterator[QueueState]:
        with self._store.lock:
            yield self._store.queues[self._queue]

    def _take(self, shelves: Shelves, incarnation: str, batch: int, limit: int, suspects: int) -> list[Record]:
        taken = shelves.take(limit, suspects)
        for record in taken:
            shelves.give(record, incarnation, next(self._store.tokens), batch)
        return taken


def hand_back(state: QueueState, records: Sequence[Record]) -> int:
    """Stand jobs that have lost their claims at the head of their lines; answer how many."""
    state.shelves.hand_back(records)
    if records:
        state.bell.ring()
    return len(records)
