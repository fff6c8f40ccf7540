"""The driver contract: what a store must do for a queue, in batches, with opaque payloads.

A driver serves one queue. It never reads a payload. Every operation is atomic and may be sent again: a reply can be
lost after the store has committed, and the repeat then answers what the first answer was (or says that it is done).
Times are Unix seconds of the *store's* clock plus its test-only offset; durations are seconds. A ttl of any length is
taken; beyond a century (`LONGEST_TTL`) what it is for may be forgotten after that. Any operation may raise
`StoreUnavailable`: it may then have happened or not, and repeating it is the remedy. Every operation may be cancelled;
what a cancelled operation did in the store is unknown, like a lost reply.

Words: a *line* is the order in which queued jobs are claimed: higher priority first, first in first out within one.
A *suspect* is a job with a delivery behind it; suspects wait in a line of their own.
A *claim* is (job, incarnation, token); a token is never used twice in a store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from aioqueue.states import JobState

LAYOUT_VERSION: Final = 1
PRIORITIES: Final = range(-8, 8)
DONE_MARKER_TTL: Final = 600.0
DEAD_LETTERS_KEPT: Final = 10_000
DEAD_LETTER_TTL: Final = 7 * 86_400.0
LONGEST_TTL: Final = 36_525 * 86_400.0
INTEGERS: Final = range(-(2**63), 2**63)
LARGEST_NEWS: Final = 4_096
EVENTS_TOPIC: Final = "events"
CONTROL_TOPIC: Final = "control"
NOTES_KEPT: Final = 1_000


class NewJob(Struct, frozen=True):
    """A job to store. It is due at `eta` if given, else after `delay`, else now; a due time that has come is queued.

    It expires at `expires_at` if given, else after `expires_in`, which counts from the moment of the enqueue and is
    fixed there as an absolute time. Zero means absent for all four. While a live job has a `unique` key, no other of
    that key is stored (empty: none). `waits` are the ids of later stages: they wait in the store until this job ends;
    those that its outcome neither ends nor hands on to a successor (as the successor itself or among its `waits`) are
    forgotten then.
    """

    id: str
    task: str
    payload: bytes
    priority: int = 0
    delay: float = 0.0
    eta: float = 0.0
    expires_in: float = 0.0
    expires_at: float = 0.0
    unique: str = ""
    waits: tuple[str, ...] = ()


class NewChord(Struct, frozen=True):
    """A chord: `callback` waits until `size` (at least 1) members have a value; then its turn has come.

    Its `delay` and `expires_in` count from there, and an `eta` that still lies ahead is waited for. The chord is known
    by the callback's id. `members` are the ids of all jobs that its values come from; none has a `unique` key.
    """

    callback: NewJob
    size: int
    members: tuple[str, ...] = ()


def known_member(job_id: str) -> ValueError:
    """Return what a chord is refused with because of a member that is there already."""
    return ValueError(
        f"job {job_id} is there already, so a chord would wait for it for ever: give each member an id of its own"
    )


Admission: TypeAlias = Literal["accepted", "present", "finished"]


class Admitted(Struct, frozen=True):
    """What became of one enqueue, and the id of the job that is there: another's where `unique` met a live job."""

    admission: Admission
    id: str


class Revocation(Struct, frozen=True):
    """A mark that keeps jobs from running: `target` is `job:<id>` or `task:<name>`.

    It holds until `until` (0: for ever). One that holds `once` is used up by the first run that it prevents. `serial`
    tells it from a later mark on the same target.
    """

    target: str
    until: float
    once: bool
    serial: int


class Claim(Struct, frozen=True):
    """The right to settle one job, and the job.

    `deliveries` counts the claims that ended without a settle because their incarnation was reaped (or that said so
    with `Again`), `deferrals` those put back because nobody here could read the job. `expires_at` is 0 for never.
    `revoked` is the mark that holds for this job, the job's own before its task's. `inputs` are, for a chord's
    callback, the values of its members in their order.
    """

    id: str
    token: int
    task: str
    payload: bytes
    priority: int
    deliveries: int
    deferrals: int
    expires_at: float
    revoked: Revocation | None = None
    inputs: tuple[bytes, ...] = ()


class Ended(Struct, frozen=True):
    """The end of a job that never ran and never will: cancelled, or a later stage of something that failed."""

    id: str
    state: JobState
    outcome: bytes = b""
    result_ttl: float = 0.0


class Membership(Struct, frozen=True):
    """Which value of which chord an outcome is; `index` counts from 0."""

    chord: str
    index: int


class Claimed(Struct, frozen=True):
    """The answer to a claim: jobs in line order, the store's time, and what is left.

    `due_in` is how many seconds from now the next scheduled job is due (0 if it is due already, None if there is
    none). `more` says that queued jobs are left which this claim could have taken with a larger limit, or had those
    before them been smaller.
    """

    jobs: list[Claim]
    now: float
    due_in: float | None
    more: bool


class Finished(Struct, frozen=True):
    """An outcome that ends the job in a terminal `state`.

    `outcome` is kept for `result_ttl` seconds and pushed to whoever waits; with `result_ttl` 0 only the state is kept,
    for `DONE_MARKER_TTL`. A non-empty `dead_reason` keeps the job's payload as a dead letter.

    In the same step `successors` are enqueued: one whose id waits takes the place that waits for it. `ends` end jobs
    that wait; of a job that does not wait they change nothing. As a `member` its `outcome` is kept as a value of the
    chord, and the last value gives the callback its turn; a second value for one index changes nothing. `consumes` is
    the once-revocation that has prevented this run: it is removed, and without it the outcome is not accepted.
    """

    id: str
    token: int
    state: JobState
    outcome: bytes = b""
    result_ttl: float = 0.0
    successors: tuple[NewJob, ...] = ()
    dead_reason: str = ""
    ends: tuple[Ended, ...] = ()
    member: Membership | None = None
    consumes: Revocation | None = None


class Again(Struct, frozen=True):
    """An outcome after which the same job runs again, with the same id, priority and expiry.

    It goes to the back of its line, or to the schedule if `eta` or `delay` lies ahead. `payload` replaces the stored
    one unless it is None. `counts` says which of the job's counters goes up by one. A job whose deliveries are then
    above zero is a suspect.
    """

    id: str
    token: int
    payload: bytes | None = None
    delay: float = 0.0
    eta: float = 0.0
    counts: Literal["nothing", "delivery", "deferral"] = "nothing"
    successors: tuple[NewJob, ...] = ()


Outcome: TypeAlias = Finished | Again
Verdict: TypeAlias = Literal["settled", "already", "lost", "unmarked"]


class Unwanted(Struct, frozen=True):
    """What is kept of a cancel that met a running job: how the job is to end unless its claim ends it, and `ends`."""

    ended: Ended
    ends: tuple[Ended, ...]

    def instead_of(self, outcome: Again) -> Finished:
        """Return the outcome of a claim after which the job was to run again."""
        end = self.ended
        return Finished(
            end.id, outcome.token, end.state, end.outcome, end.result_ttl, outcome.successors, ends=self.ends
        )


class Settled(Struct, frozen=True):
    """A finished job as the store remembers it; `outcome` is empty where no result was kept.

    `distrust` is why it is not given: empty from a store, see `aioqueue.signed`.
    """

    id: str
    state: JobState
    outcome: bytes
    distrust: str = ""


class Lease(Struct, frozen=True):
    """The lease of one incarnation: `counter` goes up by one at each renewal.

    `seconds` is the lease's length L, `info` what the worker said of itself, `renewed_at` the store's time of the last
    renewal: to be shown, never to be judged by.
    """

    incarnation: str
    counter: int
    seconds: float
    info: bytes
    renewed_at: float


class Renewal(Struct, frozen=True):
    """Whether the lease still stands, and the ids of running jobs that someone asked to cancel."""

    alive: bool
    cancel: list[str]


class StoredJob(Struct, frozen=True):
    """A job as the store sees it, to be looked at. Absent numbers are 0, absent texts empty.

    `due_at` is set while the job is scheduled, `incarnation` while it runs, `dead_reason` and `died_at` for a
    dead letter (whose state is FAILED).
    """

    id: str
    state: JobState
    task: str
    payload: bytes
    priority: int
    due_at: float
    expires_at: float
    deliveries: int
    incarnation: str
    dead_reason: str = ""
    died_at: float = 0.0


class Page(Struct, frozen=True):
    """Some jobs, and the cursor that continues after them (empty at the end)."""

    jobs: list[StoredJob]
    cursor: str


Cancelled: TypeAlias = Literal["cancelled", "asked", "finished", "unknown"]
Shelf: TypeAlias = Literal["queued", "scheduled", "running", "dead"]
Hear: TypeAlias = Callable[[str, Settled | None], None]
HearNews: TypeAlias = Callable[[str, bytes], None]


class Driver(Protocol):
    """Storage behind one queue. See the module's text for what holds of every operation."""

    # ------------------------------------------------------------------ life
    async def open(self) -> None:
        """Connect, and check the layout version of what is stored: `ConfigurationError` for a newer one."""

    async def close(self) -> None:
        """Release every connection, thread and asyncio.Task; closing twice is harmless. Claims and leases stay."""

    def clone(self) -> Driver:
        """Return another, unopened driver on the same store and queue, for another thread and its loop."""
        ...

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        """Store each job, and each chord's callback as waiting; wake a waiting worker; answer in the order of `jobs`.

        It gives the loop a turn: a program that enqueues one job after the other is not to keep others from running.

        *present*: a job of that id waits, is scheduled, queued or running, or a live job has its `unique` key;
        *finished*: it has finished and its result or its done marker (`DONE_MARKER_TTL`) is still there. Neither
        changes anything. A key is free again when its job has reached a terminal state. All of one call is one atomic
        step for up to 1,000 jobs of up to 4 MB together; a larger call may be cut into such steps, in order, chords in
        the first. Calls to one driver take effect in the order in which they begin, unless the store is away meanwhile.

        A waiting job counts as live: its state is SCHEDULED, it can be watched and ended, it stands on no shelf.

        A new chord with a member that is *present* or *finished* would wait for ever: `ValueError` names that member,
        and nothing of the call is stored. A chord whose callback is there is left as it is.
        """
        ...

    async def cancel(self, ended: Ended, ends: Sequence[Ended] = ()) -> Cancelled:
        """End a scheduled, queued or waiting job for good, with its result, and `ends` with it, in one step.

        *cancelled*: this call did it, waiters are told. *asked*: the job is running, and its incarnation finds it among
        its `cancellations`; if its claim ends otherwise than by `Finished` (by `Again`, or because it is released,
        retired or reaped), it is not queued again: the same step ends it and `ends`, as the last such call said.
        *finished* and *unknown* changed nothing.
        """
        ...

    async def cancellations(self, incarnation: str) -> list[str]:
        """Return the running jobs of this incarnation that someone asked to cancel; a request ends with its claim."""
        ...

    async def reschedule(self, job_id: str, delay: float, eta: float) -> bool:
        """Give a scheduled job another due time; answer whether it was scheduled. One that is due is queued."""
        ...

    async def replay(self, job_id: str, job: NewJob) -> bool:
        """Remove a dead letter and enqueue `job` in one step; False, and nothing changed, if there is no such letter.

        Repeated, it answers True if `job` is there.
        """
        ...

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        """Move up to `limit` jobs (at least 1) from the head of the line to this incarnation, each with a fresh token.

        At most `suspects` of them are suspects, and those come first. Repeating the last `batch` number gives again the
        jobs of that batch which this incarnation still holds, and no others; an earlier one gives nothing. An
        incarnation without a lease gets nothing. A job that is owned, or whose record is gone, is never given. Leaving
        jobs behind wakes another waiter.

        A driver may stop before `limit` once the jobs make more than 1 MB together, and says `more` if any are left: so
        an answer comes through a slow link before it is given up, and so does its repeat.
        """
        ...

    async def wait(self, incarnation: str, timeout: float) -> None:
        """Return when there may be something new to claim or to schedule, or after `timeout` seconds.

        Enqueues (by any process), promotions, releases, reaps, retries, and a scheduled job that is due before all
        others end the wait of at least one waiter; a wake-up that came while nobody waited ends the next wait at once.
        It may return for nothing. It takes no job.
        """

    async def claim_when_woken(
        self, incarnation: str, batch: int, limit: int, suspects: int, timeout: float
    ) -> Claimed:
        """Do what `wait` does and then what `claim` does, which a store may do without asking in between.

        A store that does so claims for a caller who is gone by then, so `limit` is to be small. Cancelled, it takes no
        wake-up with it that has not led to a claim.
        """
        ...

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """End each claim with its outcome; answer in the order of `outcomes`.

        *settled*: this call did it: state, result, successors and the end of the claim in one step, and waiters are
        told. *already*: an earlier settle with this very token did it. *lost*: the claim is no longer this
        incarnation's, and nothing was written. *unmarked*: the mark that the outcome `consumes` is gone, or another
        that holds once is in its place; nothing was written, and the job is still claimed. One that holds for good in
        its place serves as well, and stays.

        All of one call is one step for up to 1,000 outcomes of up to 4 MB together, which do not refer to each other's
        jobs: what they enqueue and end may be written in any order.
        """
        ...

    async def release(self, incarnation: str, claims: Mapping[str, int]) -> int:
        """Hand jobs (id → token) back to the head of their lines, counting nothing; answer how many were held.

        Those of one call stand there in the order of their tokens, those of several calls in any.
        """
        ...

    async def claims(self, incarnation: str) -> dict[str, int]:
        """Return what the store says this incarnation holds: id → token."""
        ...

    async def promote(self, limit: int) -> float | None:
        """Queue up to `limit` scheduled jobs that are due, earliest first, and wake waiters.

        Answers in how many seconds the next scheduled one is due: 0 if due ones are left, None if none is scheduled.
        """
        ...

    # ------------------------------------------------------------------ leases
    async def register(self, incarnation: str, seconds: float, info: bytes) -> None:
        """Create the lease of a new incarnation; one that exists is left as it is."""

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        """Extend a lease that exists by adding one to its counter; never create one.

        `info` replaces what the worker said of itself, unless it is empty.
        """
        ...

    async def retire(self, incarnation: str) -> int:
        """End a lease and release all its claims, counting nothing; answer how many."""
        ...

    async def leases(self) -> list[Lease]:
        """Return every lease of the queue."""
        ...

    async def reap(self, incarnation: str, counter: int) -> int | None:
        """End a lease whose counter is still `counter`: its jobs become suspects, with one delivery more.

        Answers how many jobs; None, and nothing changed, if the counter moved or the lease is gone.
        """
        ...

    # ------------------------------------------------------------------ stopping
    async def revoke(self, target: str, until: float = 0.0, *, once: bool = False, ttl: float = 0.0) -> None:
        """Put a mark on `target`, in place of one that is there; it is forgotten after `ttl` seconds (0: never).

        The mark of a live job has no ttl: it is forgotten when the job has reached a terminal state.
        """

    async def restore(self, target: str) -> bool:
        """Remove the mark of `target`; answer whether there was one that held."""
        ...

    async def revocations(self, targets: Sequence[str]) -> list[Revocation | None]:
        """Return the mark that holds for each target; looking uses nothing up."""
        ...

    async def pause(self) -> None:
        """Let claims of this queue give nothing, for every worker, until `resume`. Waiters are woken."""

    async def resume(self) -> None:
        """Let claims give jobs again, and wake waiters."""

    async def is_paused(self) -> bool:
        """Tell whether the queue is paused."""
        ...

    # ------------------------------------------------------------------ coordination
    async def fire(self, schedule: str, slot: float, job: NewJob) -> bool:
        """Enqueue the job of one slot of a schedule, once over all workers; answer whether this call did it.

        Refused: a slot at or before the last one fired of that schedule, or more than a second ahead of the store's
        clock. Recording the slot and enqueueing are one step. Repeated, with the same job id, it answers True while
        that slot is the last one fired.
        """
        ...

    async def last_slots(self, schedules: Sequence[str]) -> list[float | None]:
        """Return the last slot fired of each schedule."""
        ...

    async def acquire(self, name: str, owner: str, ttl: float, limit: int = 1) -> bool:
        """Take one of the `limit` places of a lock or semaphore for `ttl` seconds; an owner that has one keeps it."""
        ...

    async def extend(self, name: str, owner: str, ttl: float) -> bool:
        """Hold a place for `ttl` seconds from now; False if this owner has none any more."""
        ...

    async def free(self, name: str, owner: str) -> bool:
        """Give a place back; False if this owner had none."""
        ...

    async def holders(self, names: Sequence[str]) -> list[int]:
        """Return how many places of each lock are taken."""
        ...

    async def clear(self, names: Sequence[str]) -> int:
        """Free every place of these locks, of all locks if none is named; answer how many places were taken."""
        ...

    async def spend(self, name: str, limit: int, per: float) -> float:
        """Take one of `limit` uses in any `per` seconds: 0.0 if there was one left, else in how many seconds there is.

        Exact: no window of `per` seconds, wherever it starts, sees more than `limit` uses. A refusal uses nothing. A
        repeat counts again.
        """
        ...

    # ------------------------------------------------------------------ key-value, a keyspace of its own
    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        ...

    async def put(self, key: str, value: bytes, ttl: float = 0.0) -> None:
        """Store a value for `ttl` seconds (0: for ever)."""

    async def put_if_absent(self, key: str, value: bytes, ttl: float = 0.0) -> bool:
        """Store a value unless there is one; answer whether it was stored."""
        ...

    async def pop(self, key: str) -> bytes | None:
        """Remove a value and return it."""
        ...

    async def delete(self, key: str) -> bool:
        """Remove a value; answer whether there was one."""
        ...

    async def increment(self, key: str, by: int = 1) -> int:
        """Add to a whole number kept as decimal text (absent: 0) and return the sum, keeping its ttl.

        `ValueError`, and nothing changed, for another value, and where the value, `by` or the sum is over 64 bits. A
        repeat adds again.
        """
        ...

    # ------------------------------------------------------------------ news
    async def publish(self, topic: str, data: bytes) -> int:
        """Tell the present subscribers of a topic, in every process; answer how many there may be, 0 if surely none.

        Lossy, at most `LARGEST_NEWS` bytes (`ValueError`); nothing correct may depend on it.
        """
        ...

    async def subscribe(self, topic: str, hear: HearNews) -> None:
        """Have `hear(topic, data)` called on this loop for what is published from now on; one a topic and driver."""

    async def unsubscribe(self, topic: str) -> None:
        """Hear no more of a topic."""

    @property
    def audience(self) -> bool:
        """Whether anyone, in any process, subscribes to `EVENTS_TOPIC`: as the store said in its answer to the last
        `enqueue` or `claim` of this driver. Asking costs nothing."""
        ...

    async def note(self, job_id: str, data: bytes, ttl: float) -> int:
        """Add a note to a job, kept for `ttl` seconds from its last note, and publish it under the topic
        `notes:<job id>`; return its number, counted from 1. The newest `NOTES_KEPT` are kept. A repeat adds again."""
        ...

    async def notes(self, job_id: str, after: int) -> list[tuple[int, bytes]]:
        """Return the notes of a job with a number above `after`, in order."""
        ...

    # ------------------------------------------------------------------ results
    async def results(self, ids: Sequence[str]) -> list[Settled | None]:
        """Return what is known of each finished job, None for one that is not finished or is forgotten."""
        ...

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:
        """Start to hear of jobs registered by `watch`; returns when ready. One listener a driver.

        `hear(id, settled)` is called on this loop; `settled` is None where the outcome was too large to travel and must
        be asked for. `gap()` is called after the connection was lost and is back: anything may have been missed. Both
        are hints: a push may be lost or come twice.
        """

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        """Return each result that is there, and register this driver's listener for the others, in one step.

        A job of which there is no trace is not registered: it is answered with the state UNKNOWN. A registration lasts
        `ttl` seconds, until the result is pushed, or until `unwatch`.
        """
        ...

    async def unwatch(self, ids: Sequence[str]) -> None:
        """Forget this listener's registrations for `ids`."""

    # ------------------------------------------------------------------ looking
    async def job(self, job_id: str) -> StoredJob | None:
        """Return a job that is scheduled, queued, running or a dead letter; None for any other. O(1)."""
        ...

    async def state(self, job_id: str) -> JobState:
        """Return the state of a job, finished ones included; UNKNOWN if there is no trace of it. O(1)."""
        ...

    async def jobs(self, shelf: Shelf, cursor: str = "", limit: int = 100) -> Page:
        """Return jobs page by page, each present throughout exactly once: queued in line order (suspects first),
        scheduled by due time, running in no order, dead letters newest first."""
        ...

    async def counts(self) -> dict[Shelf, int]:
        """Return how many jobs stand on each shelf."""
        ...

    async def flush(self) -> None:
        """Remove everything of this queue except leases, the pause and the key-value store."""

    async def now(self) -> float:
        """Return the store's time, the test-only offset included."""
        ...

    async def shift(self, seconds: float) -> None:
        """Move the store's clock for this queue by `seconds`, for every process, and wake a waiting worker: jobs may be
        due now. For tests only."""
