"""What is known of finished jobs, and who waits for which."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Settled
from aioqueue.drivers.sqlite.looking import state
from aioqueue.drivers.sqlite.transaction import Transaction, json_list
from aioqueue.states import JobState

_TOLD_AT_ONCE = 1_000


def results(transaction: Transaction, ids: Sequence[str]) -> list[Settled | None]:
    """Return what is known of each job, in the order of `ids`."""
    rows = transaction.rows("results", ids=json_list(ids))
    known = {job_id: Settled(job_id, JobState(end), outcome) for job_id, end, outcome in rows}
    return [known.get(job_id) for job_id in ids]


def watch(transaction: Transaction, ids: Sequence[str], ttl: float) -> list[Settled | None]:
    """Return what is known of each job, and register this driver's bell for those that are still to finish."""
    live = {row[0] for row in transaction.rows("present_ids", ids=json_list(ids))}
    expires_at = transaction.now + ttl
    transaction.many("watch", [(transaction.queue, job_id, transaction.bell, expires_at) for job_id in live])
    return [
        None if job_id in live else settled or Settled(job_id, state(transaction, job_id), b"")
        for job_id, settled in zip(ids, results(transaction, ids), strict=True)
    ]


def unwatch(transaction: Transaction, ids: Sequence[str]) -> None:
    """Forget what this driver waits for."""
    transaction.execute("unwatch", ids=json_list(ids))


def told(transaction: Transaction) -> dict[str, Settled | None]:
    """Return some results that others' settles have told this driver of; `unwatch` is the receipt for them."""
    ids = [row[0] for row in transaction.rows("told_ids", limit=_TOLD_AT_ONCE)]
    return dict(zip(ids, results(transaction, ids), strict=True))
