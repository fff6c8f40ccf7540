"""The memory driver: the contract of `aioqueue.drivers.base` over dictionaries, without a server and without waiting.

No operation awaits anything before it is done but `wait`, so each is one step for its loop; the store's lock makes it
one step for the loops of other threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from aioqueue.drivers.base import (
    EVENTS_TOPIC,
    LARGEST_NEWS,
    Admitted,
    Cancelled,
    Claim,
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
from aioqueue.drivers.memory import pages
from aioqueue.drivers.memory.admission import admit, admit_chords
from aioqueue.drivers.memory.ending import cancel, end_unwanted
from aioqueue.drivers.memory.record import Record, claim_of, due_time, stored
from aioqueue.drivers.memory.settling import Settling
from aioqueue.drivers.memory.store import MemoryStore, QueueState, Standing
from aioqueue.drivers.memory.watchers import Ear
from aioqueue.states import JobState


class MemoryDriver:
    """A `Driver` on one queue of a `MemoryStore`."""

    def __init__(self, store: MemoryStore, queue: str) -> None:
        self._store = store
        self._queue = queue
        self._ear = Ear()
        self._audience = False

    def __repr__(self) -> str:
        return f"MemoryDriver(queue={self._queue!r})"

    # ------------------------------------------------------------------ life
    async def open(self) -> None:
        """Do nothing: the store is there."""

    async def close(self) -> None:
        """Stop listening."""
        self._ear.close()
        with self._state() as state:
            state.topics.forget(self._ear)

    def clone(self) -> MemoryDriver:
        """Return another driver on the same store and queue."""
        return MemoryDriver(self._store, self._queue)

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        """Store each job, and each chord's callback as waiting, and wake a waiting worker."""
        with self._state() as state:
            now = state.now()
            admit_chords(state, chords, now)
            answers = [admit(state, job, now) for job in jobs]
            if any(stirs for _, stirs in answers):
                state.bell.ring()
            self._count_heads(state)
        await asyncio.sleep(0)  # who enqueues in a loop is to let others run, as with any other store
        return [admitted for admitted, _ in answers]

    async def cancel(self, ended: Ended, ends: Sequence[Ended] = ()) -> Cancelled:
        """End a job that does not run, and `ends` with it; ask one that does."""
        with self._state() as state:
            return cancel(state, ended, ends, state.now())

    async def cancellations(self, incarnation: str) -> list[str]:
        """Return the running jobs of this incarnation that someone asked to cancel."""
        with self._state() as state:
            return state.shelves.unwanted(incarnation)

    async def reschedule(self, job_id: str, delay: float, eta: float) -> bool:
        """Give a scheduled job another due time."""
        with self._state() as state:
            now, record = state.now(), state.shelves.jobs.get(job_id)
            if record is None or record.state is not JobState.SCHEDULED or job_id in state.shelves.waiting:
                return False
            state.shelves.withdraw(record)
            if state.shelves.shelve(record, due_time(eta, delay, now), now):
                state.bell.ring()
            return True

    async def replay(self, job_id: str, job: NewJob) -> bool:
        """Remove a dead letter and enqueue `job` in its stead."""
        with self._state() as state:
            now = state.now()
            if state.remains.dead(job_id, now) is None:
                return job.id in state.shelves.jobs or state.remains.settled(job.id, now) is not None
            admitted, stirs = admit(state, job, now)
            if admitted.id != job.id or admitted.admission == "finished":
                return False  # the letter is all that is left of the job: it stays
            state.remains.drop_dead(job_id)
            if stirs:
                state.bell.ring()
            return True

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        """Move jobs from the head of the line to this incarnation."""
        with self._state() as state:
            self._count_heads(state)
            now, shelves, standing = state.now(), state.shelves, state.leases.get(incarnation)
            if standing is None or batch < (standing.batch or 0):
                return Claimed([], now, shelves.schedule.due_in(now), False)
            if standing.batch == batch:
                taken = [record for record in shelves.claims.get(incarnation, {}).values() if record.batch == batch]
            else:
                standing.batch = batch
                taken = self._take(state, incarnation, batch, limit, suspects)
            if taken and (shelves.ready or shelves.suspects):
                state.bell.ring()
            more = not state.paused and shelves.offers(taken, suspects)
            return Claimed(claims_of(state, taken, now), now, shelves.schedule.due_in(now), more)

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

    async def claim_when_woken(
        self, incarnation: str, batch: int, limit: int, suspects: int, timeout: float
    ) -> Claimed:
        """Wait, then claim."""
        await self.wait(incarnation, timeout)
        return await self.claim(incarnation, batch, limit, suspects)

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """End each claim with its outcome."""
        with self._state() as state:
            settling = Settling(state, state.now())
            verdicts: list[Verdict] = [settling.apply(incarnation, outcome) for outcome in outcomes]
            state.watchers.tell(settling.ending.news, settling.now)
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

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        """Extend a lease that exists."""
        with self._state() as state:
            standing = state.leases.get(incarnation)
            if standing is None:
                return Renewal(alive=False, cancel=[])
            standing.counter += 1
            standing.renewed_at = state.now()
            standing.info = info or standing.info
            return Renewal(alive=True, cancel=state.shelves.unwanted(incarnation))

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
            wanted = end_unwanted(state, records, state.now())
            for record in wanted:
                record.deliveries += 1
                state.shelves.queue(record)
            if wanted:
                state.bell.ring()
            return len(records)

    # ------------------------------------------------------------------ stopping
    async def revoke(self, target: str, until: float = 0.0, *, once: bool = False, ttl: float = 0.0) -> None:
        """Put a mark on `target`."""
        with self._state() as state:
            is_live = target.startswith("job:") and target[4:] in state.shelves.jobs
            state.revocations.put(target, until, once, 0.0 if is_live else ttl, state.now())

    async def restore(self, target: str) -> bool:
        """Remove the mark of `target`."""
        with self._state() as state:
            return state.revocations.remove(target, state.now())

    async def revocations(self, targets: Sequence[str]) -> list[Revocation | None]:
        """Return the mark that holds for each target."""
        with self._state() as state:
            now = state.now()
            return [state.revocations.get(target, now) for target in targets]

    async def pause(self) -> None:
        """Let claims give nothing until `resume`."""
        with self._state() as state:
            state.paused = True
            state.bell.ring_for_all()

    async def resume(self) -> None:
        """Let claims give jobs again."""
        with self._state() as state:
            state.paused = False
            state.bell.ring_for_all()

    async def is_paused(self) -> bool:
        """Tell whether the queue is paused."""
        with self._state() as state:
            return state.paused

    # ------------------------------------------------------------------ coordination
    async def fire(self, schedule: str, slot: float, job: NewJob) -> bool:
        """Enqueue the job of one slot of a schedule, once."""
        with self._state() as state:
            now = state.now()
            if state.firings.is_last(schedule, slot, job.id):
                return True
            if not state.firings.may_fire(schedule, slot, now):
                return False
            state.firings.record(schedule, slot, job.id)
            _, stirs = admit(state, job, now)
            if stirs:
                state.bell.ring()
            return True

    async def last_slots(self, schedules: Sequence[str]) -> list[float | None]:
        """Return the last slot fired of each schedule."""
        with self._state() as state:
            return [state.firings.last_slot(schedule) for schedule in schedules]

    async def acquire(self, name: str, owner: str, ttl: float, limit: int = 1) -> bool:
        """Take a place of a lock or semaphore."""
        with self._state() as state:
            now = state.now()
            return state.locks.acquire(name, owner, now + ttl, limit, now)

    async def extend(self, name: str, owner: str, ttl: float) -> bool:
        """Hold a place for `ttl` seconds from now."""
        with self._state() as state:
            now = state.now()
            return state.locks.extend(name, owner, now + ttl, now)

    async def free(self, name: str, owner: str) -> bool:
        """Give a place back."""
        with self._state() as state:
            return state.locks.free(name, owner, state.now())

    async def holders(self, names: Sequence[str]) -> list[int]:
        """Return how many places of each lock are taken."""
        with self._state() as state:
            now = state.now()
            return [state.locks.holders(name, now) for name in names]

    async def clear(self, names: Sequence[str]) -> int:
        """Free every place of these locks, of all locks if none is named."""
        with self._state() as state:
            return state.locks.clear(names, state.now())

    async def spend(self, name: str, limit: int, per: float) -> float:
        """Take one of `limit` uses in any `per` seconds."""
        with self._state() as state:
            return state.rates.spend(name, limit, per, state.now())

    # ------------------------------------------------------------------ key-value
    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        with self._state() as state:
            return state.values.get(key, state.now())

    async def put(self, key: str, value: bytes, ttl: float = 0.0) -> None:
        """Store a value."""
        with self._state() as state:
            state.values.put(key, value, ttl, state.now())

    async def put_if_absent(self, key: str, value: bytes, ttl: float = 0.0) -> bool:
        """Store a value unless there is one."""
        with self._state() as state:
            now = state.now()
            absent = state.values.get(key, now) is None
            if absent:
                state.values.put(key, value, ttl, now)
            return absent

    async def pop(self, key: str) -> bytes | None:
        """Remove a value and return it."""
        with self._state() as state:
            return state.values.pop(key, state.now())

    async def delete(self, key: str) -> bool:
        """Remove a value."""
        return await self.pop(key) is not None

    async def increment(self, key: str, by: int = 1) -> int:
        """Add to a whole number."""
        with self._state() as state:
            return state.values.increment(key, by, state.now())

    # ------------------------------------------------------------------ news
    async def publish(self, topic: str, data: bytes) -> int:
        """Tell the present subscribers of a topic."""
        check_size(data)
        with self._state() as state:
            return state.topics.publish(topic, data)

    async def subscribe(self, topic: str, hear: HearNews) -> None:
        """Have `hear` called for what is published from now on."""
        with self._state() as state:
            state.topics.subscribe(topic, self._ear, hear)

    async def unsubscribe(self, topic: str) -> None:
        """Hear no more of a topic."""
        with self._state() as state:
            state.topics.unsubscribe(topic, self._ear)

    @property
    def audience(self) -> bool:
        """Whether anyone subscribed to events when this driver last enqueued or claimed."""
        return self._audience

    async def note(self, job_id: str, data: bytes, ttl: float) -> int:
        """Add a note to a job, and publish it."""
        check_size(data)
        with self._state() as state:
            number = state.notes.add(job_id, data, ttl, state.now())
            state.topics.publish(f"notes:{job_id}", data)
            return number

    async def notes(self, job_id: str, after: int) -> list[tuple[int, bytes]]:
        """Return the notes of a job with a number above `after`."""
        with self._state() as state:
            return state.notes.after(job_id, after, state.now())

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
            if record is None:
                return state.remains.dead(job_id, state.now())
            return None if job_id in state.shelves.waiting else stored(record)

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
        """Remove everything of this queue except leases, the pause and the key-value store."""
        with self._state() as state:
            state.flush()

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

    def _take(self, state: QueueState, incarnation: str, batch: int, limit: int, suspects: int) -> list[Record]:
        taken = [] if state.paused else state.shelves.take(limit, suspects)
        for record in taken:
            state.shelves.give(record, incarnation, next(self._store.tokens), batch)
        return taken

    def _count_heads(self, state: QueueState) -> None:
        self._audience = state.topics.has_subscribers(EVENTS_TOPIC)


def claims_of(state: QueueState, taken: Sequence[Record], now: float) -> list[Claim]:
    """Return the rights to settle these jobs, each with what its worker must know beforehand."""
    return [claim_of(record, state.revocations.of(record, now), inputs_of(state, record)) for record in taken]


def inputs_of(state: QueueState, record: Record) -> tuple[bytes, ...]:
    """Return the values that a chord's callback runs with; nothing for any other job."""
    chord = state.chords.get(record.id)
    return chord.inputs if chord else ()


def check_size(data: bytes) -> None:
    """Refuse news that is too large to travel."""
    if len(data) > LARGEST_NEWS:
        raise ValueError(f"{len(data)} bytes of news, {LARGEST_NEWS} at most")


def hand_back(state: QueueState, records: Sequence[Record]) -> int:
    """Stand jobs that have lost their claims at the head of their lines, or end them if someone asked for that."""
    wanted = end_unwanted(state, records, state.now())
    state.shelves.hand_back(wanted)
    if wanted:
        state.bell.ring()
    return len(records)
