"""Looking at what is stored, and the clock."""

from __future__ import annotations

from typing import Final

import msgspec

from aioqueue.drivers.base import DEAD_LETTER_TTL, Page, Shelf, StoredJob
from aioqueue.drivers.sqlite.statements import STATEMENTS
from aioqueue.drivers.sqlite.transaction import Row, Transaction
from aioqueue.states import JobState

# Before the first place of each shelf.
_START: Final[dict[Shelf, tuple[object, int]]] = {
    "queued": (-1, 0),
    "scheduled": (0.0, 0),
    "running": ("", 0),
    "dead": (1e300, 0),
}
_FLUSHES: Final = [name for name in STATEMENTS if name.startswith("flush_")]


def job(transaction: Transaction, job_id: str) -> StoredJob | None:
    """Return a job that is scheduled, queued or running, else its dead letter."""
    row = transaction.row("job", id=job_id) or transaction.row("dead_letter", id=job_id, oldest=_oldest(transaction))
    return _stored(row) if row else None


def state(transaction: Transaction, job_id: str) -> JobState:
    """Return the state of a job."""
    row = transaction.row("state", id=job_id, oldest=_oldest(transaction))
    return JobState(row[0]) if row else JobState.UNKNOWN


def jobs(transaction: Transaction, shelf: Shelf, cursor: str, limit: int) -> Page:
    """Return the jobs of a shelf that come behind the cursor.

    A cursor is the place of a job in the order of its shelf, so that jobs which come and go in between move nothing.
    """
    first, second = msgspec.json.decode(cursor) if cursor else _START[shelf]
    rows = transaction.rows(f"page_{shelf}", first=first, second=second, limit=limit + 1, oldest=_oldest(transaction))
    page = [_stored(row[:-2]) for row in rows[:limit]]
    return Page(page, msgspec.json.encode(rows[limit - 1][-2:]).decode() if len(rows) > limit else "")


def counts(transaction: Transaction) -> dict[Shelf, int]:
    """Return how many jobs stand on each shelf."""
    queued, scheduled, running, dead = transaction.one("counts", oldest=_oldest(transaction))
    return {"queued": queued, "scheduled": scheduled, "running": running, "dead": dead}


def flush(transaction: Transaction) -> None:
    """Remove everything of the queue except leases, the pause and the key-value store."""
    for statement in _FLUSHES:
        transaction.execute(statement)


def now(transaction: Transaction) -> float:
    """Return the store's time."""
    return transaction.now


def shift(transaction: Transaction, seconds: float) -> None:
    """Move the clock of this queue, by which jobs may become due."""
    transaction.execute("shift_clock", seconds=seconds)
    transaction.news.jobs = True


def _oldest(transaction: Transaction) -> float:
    return transaction.now - DEAD_LETTER_TTL


def _stored(row: Row) -> StoredJob:
    return StoredJob(row[0], JobState(row[1]), *row[2:])


def data_version(transaction: Transaction) -> int:
    """Return a number that changes when another connection commits."""
    return int(transaction.connection.execute("PRAGMA data_version").fetchone()[0])
