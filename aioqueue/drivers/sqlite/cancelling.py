"""Cancelling: at once what does not run, and by asking what does."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Cancelled, Ended
from aioqueue.drivers.sqlite.ending import end_jobs, end_waiting
from aioqueue.drivers.sqlite.looking import state
from aioqueue.drivers.sqlite.transaction import Transaction
from aioqueue.states import JobState


def cancel(transaction: Transaction, ended: Ended, ends: Sequence[Ended]) -> Cancelled:
    """End a job that does not run, and its later stages with it; ask for the end of one that runs."""
    standing = transaction.row("standing", id=ended.id)
    if standing is None:
        return "unknown" if state(transaction, ended.id) is JobState.UNKNOWN else "finished"
    position, stands = standing
    if stands == "running":
        transaction.execute("ask_to_cancel", position=position)
        return "asked"
    end_waiting(transaction, ends)
    end_jobs(transaction, [position], [ended])
    return "cancelled"


def cancellations(transaction: Transaction, incarnation: str) -> list[str]:
    """Return the running jobs of an incarnation that someone asked to cancel."""
    return [row[0] for row in transaction.rows("cancellations", incarnation=incarnation)]
