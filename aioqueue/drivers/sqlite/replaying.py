"""Replaying dead letters."""

from __future__ import annotations

from aioqueue.drivers.base import DEAD_LETTER_TTL, NewJob
from aioqueue.drivers.sqlite.enqueueing import enqueue
from aioqueue.drivers.sqlite.looking import state
from aioqueue.drivers.sqlite.transaction import Transaction
from aioqueue.states import JobState


def replay(transaction: Transaction, job_id: str, job: NewJob) -> bool:
    """Enqueue a job in place of a dead letter, which stays if the job cannot be there."""
    oldest = transaction.now - DEAD_LETTER_TTL
    if transaction.row("is_dead", id=job_id, oldest=oldest) is None:
        return state(transaction, job.id) is not JobState.UNKNOWN
    (admitted,) = enqueue(transaction, [job])
    if admitted.id != job.id or admitted.admission == "finished":
        return False
    transaction.execute("remove_dead", id=job_id)
    return True
