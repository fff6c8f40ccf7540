"""Cancelling: at once what does not run, and by asking what does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.msgpack import Decoder, encode

from aioqueue.drivers.base import Cancelled, Ended, Unwanted
from aioqueue.drivers.sqlite.ending import end_jobs, end_waiting, let_go
from aioqueue.drivers.sqlite.looking import state
from aioqueue.drivers.sqlite.transaction import Transaction
from aioqueue.states import JobState

read_request: Final = Decoder(Unwanted).decode


def cancel(transaction: Transaction, ended: Ended, ends: Sequence[Ended]) -> Cancelled:
    """End a job that does not run, and its later stages with it; keep the request for the end of one that runs."""
    standing = transaction.row("standing", id=ended.id)
    if standing is None:
        return "unknown" if state(transaction, ended.id) is JobState.UNKNOWN else "finished"
    position, stands = standing
    if stands == "running":
        transaction.execute("keep_request", position=position, unwanted=encode(Unwanted(ended, tuple(ends))))
        return "asked"
    let_go(transaction, [*end_waiting(transaction, ends), *end_jobs(transaction, [position], [ended])])
    return "cancelled"


def cancellations(transaction: Transaction, incarnation: str) -> list[str]:
    """Return the running jobs of an incarnation that someone asked to cancel."""
    return [row[0] for row in transaction.rows("cancellations", incarnation=incarnation)]


def end_unwanted(transaction: Transaction, incarnation: str, claims: Mapping[str, int] | None = None) -> int:
    """End the jobs of claims that end without an outcome, if someone asked for that; answer how many they were."""
    rows = transaction.rows("requests", incarnation=incarnation)
    chosen = [row for row in rows if claims is None or claims.get(row[0]) == row[1]]
    requests = [read_request(unwanted) for *_, unwanted in chosen]
    if requests:
        ends = {end.id: end for request in reversed(requests) for end in reversed(request.ends)}
        gone = end_waiting(transaction, list(ends.values()))
        positions = [position for _, _, position, _ in chosen]
        let_go(transaction, gone + end_jobs(transaction, positions, [request.ended for request in requests]))
    return len(requests)
