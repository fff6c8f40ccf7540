"""The notes of jobs: numbered, published, and kept for a time that each new one begins again."""

from __future__ import annotations

from aioqueue.drivers.base import NOTES_KEPT
from aioqueue.drivers.sqlite import topics
from aioqueue.drivers.sqlite.transaction import Transaction, json_list


def topic_of(job_id: str) -> str:
    """Return the topic under which the notes of a job are published."""
    return f"notes:{job_id}"


def note(transaction: Transaction, job_id: str, data: bytes, ttl: float) -> int:
    """Add a note, publish it to other drivers, and return its number."""
    if transaction.row("close_expired_notebook", job=job_id):
        transaction.execute("forget_notes", jobs=json_list([job_id]))
    number: int = transaction.one("count_note", job=job_id, expires_at=transaction.now + ttl)[0]
    transaction.execute("insert_note", job=job_id, number=number, data=data)
    transaction.execute("drop_oldest_notes", job=job_id, number=number - NOTES_KEPT)
    topics.post(transaction, topic_of(job_id), data)
    return number


def notes(transaction: Transaction, job_id: str, after: int) -> list[tuple[int, bytes]]:
    """Return the notes with a number above `after`."""
    return [(number, data) for number, data in transaction.rows("notes_after", job=job_id, after=after)]


def purge_notes(transaction: Transaction, limit: int) -> int:
    """Forget the notes of up to `limit` jobs whose time is over, and return how many jobs these were."""
    jobs = [row[0] for row in transaction.rows("close_expired_notebooks", limit=limit)]
    if jobs:
        transaction.execute("forget_notes", jobs=json_list(jobs))
    return len(jobs)
