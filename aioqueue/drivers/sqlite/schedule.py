"""The schedule: when jobs are due, and what becomes of them then."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.sqlite.transaction import Transaction


def due_time(transaction: Transaction, eta: float, delay: float) -> float:
    """Return when a job is due as Unix seconds, 0 if that is now."""
    due_at = eta or (transaction.now + delay if delay > 0 else 0.0)
    return due_at if due_at > transaction.now else 0.0


def next_due(transaction: Transaction) -> float | None:
    """Return the due time of the first scheduled job."""
    due_at: float | None = transaction.one("next_due")[0]
    return due_at


def due_in(transaction: Transaction) -> float | None:
    """Return in how many seconds the first scheduled job is due."""
    due_at = next_due(transaction)
    return None if due_at is None else max(0.0, due_at - transaction.now)


def announce(transaction: Transaction, due_times: Sequence[float]) -> None:
    """Wake workers for what is queued now, or due before all that is scheduled."""
    soonest = min(due_times)
    if soonest:
        head = next_due(transaction)
        transaction.news.jobs |= head is None or soonest < head
    else:
        transaction.news.jobs = True


def place(transaction: Transaction, position: int, due_at: float) -> None:
    """Put a stored job on the schedule, or at the back of the line if it is due (0)."""
    announce(transaction, [due_at])
    if due_at:
        transaction.execute("put_off", position=position, due_at=due_at)
    else:
        transaction.many("promote_job", [(_back_of_line(transaction), position)])


def reschedule(transaction: Transaction, job_id: str, delay: float, eta: float) -> bool:
    """Give a scheduled job another due time."""
    scheduled = transaction.row("scheduled_position", id=job_id)
    if scheduled:
        place(transaction, scheduled[0], due_time(transaction, eta, delay))
    return scheduled is not None


def promote(transaction: Transaction, limit: int) -> float | None:
    """Queue scheduled jobs that are due, earliest first."""
    due = [row[0] for row in transaction.rows("due_positions", limit=limit)]
    if due:
        transaction.many("promote_job", enumerate(due, _back_of_line(transaction)))
        transaction.news.jobs = True
    return due_in(transaction)


def _back_of_line(transaction: Transaction) -> int:
    last: int = transaction.one("last_position")[0]
    return last + 1
