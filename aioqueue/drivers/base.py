"""The driver contract: what a store must do for a queue, in batches, with opaque payloads.

A driver serves one queue. It never reads a payload. Every operation is atomic and may be sent again: a reply can be
lost after the store has committed, and the repeat then answers what the first answer was (or says that it is done).
Times are Unix seconds of the *store's* clock plus its test-only offset; durations are seconds. Any operation may raise
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


class NewJob(Struct, frozen=True):
    """A job to store. It is due at `eta` if given, else after `delay`, else now; a due time that has come is queued.

    `expires_in` counts from the moment of the enqueue and is fixed there as an absolute time; `expires_at` is one.
    Zero means absent for all four.
    """

    id: str
    task: str
    payload: bytes
    priority: int = 0
    delay: float = 0.0
    eta: float = 0.0
    expires_in: float = 0.0
    expires_at: float = 0.0


Admission: TypeAlias = Literal["accepted", "present", "finished"]


class Claim(Struct, frozen=True):
    """The right to settle one job, and the job.

    `deliveries` counts the claims that ended without a settle because their incarnation was reaped (or that said so
    with `Again`), `deferrals` those put back because nobody here could read the job. `expires_at` is 0 for never.
    """

    id: str
    token: int
    task: str
    payload: bytes
    priority: int
    deliveries: int
    deferrals: int
    expires_at: float


class Claimed(Struct, frozen=True):
    """The answer to a claim: jobs in line order, the store's time, and what is left.

    `due_in` is how many seconds from now the next scheduled job is due (0 if it is due already, None if there is
    none). `more` says that queued jobs are left which this claim could have taken with a larger limit.
    """

    jobs: list[Claim]
    now: float
    due_in: float | None
    more: bool


class Finished(Struct, frozen=True):
    """An outcome that ends the job in a terminal `state`.

    `outcome` is kept for `result_ttl` seconds and pushed to whoever waits; with `result_ttl` 0 only the state is kept,
    for `DONE_MARKER_TTL`. `successors` are enqueued in the same step. A non-empty `dead_reason` keeps the job's payload
    as a dead letter.
    """

    id: str
    token: int
    state: JobState
    outcome: bytes = b""
    result_ttl: float = 0.0
    successors: tuple[NewJob, ...] = ()
    dead_reason: str = ""


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
Verdict: TypeAlias = Literal["settled", "already", "lost"]


class Settled(Struct, frozen=True):
    """A finished job as the store remembers it; `outcome` is empty where no result was kept."""

    id: str
    state: JobState
    outcome: bytes


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


Shelf: TypeAlias = Literal["queued", "scheduled", "running", "dead"]
Hear: TypeAlias = Callable[[str, Settled | None], None]


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
    async def enqueue(self, jobs: Sequence[NewJob]) -> list[Admission]:
        """Store each job and wake a waiting worker; answer in the order of `jobs`.

        *present*: a job of that id is scheduled, queued or running; *finished*: it has finished and its result or its
        done marker (`DONE_MARKER_TTL`) is still there. Neither changes anything. All of one call is one atomic step for
        up to 1,000 jobs; a larger call is cut into such steps, in order.
        """
        ...

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        """Move up to `limit` jobs (at least 1) from the head of the line to this incarnation, each with a fresh token.

        At most `suspects` of them are suspects, and those come first. Repeating the last `batch` number gives again the
        jobs of that batch which this incarnation still holds, and no others. An incarnation without a lease gets
        nothing. A job that is owned, or whose record is gone, is never given. Leaving jobs behind wakes another waiter.
        """
        ...

    async def wait(self, incarnation: str, timeout: float) -> None:
        """Return when there may be something new to claim or to schedule, or after `timeout` seconds.

        Enqueues (by any process), promotions, releases, reaps, retries, and a scheduled job that is due before all
        others end the wait of at least one waiter; a wake-up that came while nobody waited ends the next wait at once.
        It may return for nothing. It takes no job.
        """

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """End each claim with its outcome; answer in the order of `outcomes`.

        *settled*: this call did it: state, result, successors and the end of the claim in one step, and waiters are
        told. *already*: an earlier settle with this very token did it. *lost*: the claim is no longer this
        incarnation's, and nothing was written. All of one call is one step for up to 1,000 outcomes.
        """
        ...

    async def release(self, incarnation: str, claims: Mapping[str, int]) -> int:
        """Hand jobs (id → token) back to the head of their lines, counting nothing; answer how many were held."""
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

    async def renew(self, incarnation: str) -> Renewal:
        """Extend a lease that exists by adding one to its counter; never create one."""
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
        """Remove everything of this queue except leases."""

    async def now(self) -> float:
        """Return the store's time, the test-only offset included."""
        ...

    async def shift(self, seconds: float) -> None:
        """Move the store's clock for this queue by `seconds`, for every process. For tests only."""
