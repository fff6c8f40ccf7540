"""Storing jobs whose ids are not taken."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Admission, NewJob
from aioqueue.drivers.sqlite.schedule import announce, due_time
from aioqueue.drivers.sqlite.transaction import Transaction, json_list


def enqueue(transaction: Transaction, jobs: Sequence[NewJob]) -> list[Admission]:
    """Store each job whose id is not taken."""
    taken = _taken(transaction, jobs)
    admissions: list[Admission] = []
    rows = []
    for job in jobs:
        admission = taken.setdefault(job.id, "accepted")
        admissions.append(admission)
        if admission == "accepted":
            taken[job.id] = "present"
            rows.append(_row(transaction, job))
    if rows:
        announce(transaction, [row[5] for row in rows])
        transaction.many("insert_job", rows)
    return admissions


def _taken(transaction: Transaction, jobs: Sequence[NewJob]) -> dict[str, Admission]:
    ids = json_list([job.id for job in jobs])
    taken: dict[str, Admission] = {row[0]: "finished" for row in transaction.rows("finished_ids", ids=ids)}
    taken.update((row[0], "present") for row in transaction.rows("present_ids", ids=ids))
    return taken


def _row(transaction: Transaction, job: NewJob) -> tuple[int, str, str, str, int, float, float, bytes]:
    due_at = due_time(transaction, job.eta, job.delay)
    expires_at = job.expires_at or (transaction.now + job.expires_in if job.expires_in else 0.0)
    state = "scheduled" if due_at else "queued"
    return transaction.queue, job.id, state, job.task, job.priority, due_at, expires_at, job.payload
