"""Claiming jobs from the head of the line, and handing them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from aioqueue.drivers.base import Claim, Claimed
from aioqueue.drivers.sqlite.cancelling import end_unwanted
from aioqueue.drivers.sqlite.chords import inputs_of
from aioqueue.drivers.sqlite.revoking import marks_of
from aioqueue.drivers.sqlite.schedule import due_in
from aioqueue.drivers.sqlite.transaction import Row, Transaction

# The lines of each kind, first and last: see the schema.
SUSPECTS: Final = (0, 15)
ORDINARY: Final = (16, 31)


def claim(transaction: Transaction, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
    """Move jobs from the head of the line to an incarnation."""
    lease = transaction.row("last_batch", incarnation=incarnation)
    last_batch, paused = lease or (None, True)
    jobs: list[Claim] = []
    more = False
    if lease and last_batch == batch:
        jobs = [Claim(*row) for row in transaction.rows("batch_again", incarnation=incarnation, batch=batch)]
        more = not paused and _is_any_queued(transaction, ORDINARY)
    elif lease and batch > (-1 if last_batch is None else last_batch):
        transaction.execute("record_batch", incarnation=incarnation, batch=batch)
        jobs, more = ([], False) if paused else _take(transaction, incarnation, batch, limit, suspects)
    return Claimed(_complete(transaction, jobs), transaction.now, due_in(transaction), more)


def _complete(transaction: Transaction, jobs: list[Claim]) -> list[Claim]:
    """Add to jobs what is stored apart from them: revocations, and the inputs of callbacks."""
    any_mark, any_chord = transaction.one("company_of_claims") if jobs else (False, False)
    if not (any_mark or any_chord):
        return jobs
    marks = marks_of(transaction, jobs)
    inputs = inputs_of(transaction, [job.id for job in jobs])
    return [replace(job, revoked=marks.get(job.id), inputs=inputs.get(job.id, ())) for job in jobs]


def _take(
    transaction: Transaction, incarnation: str, batch: int, limit: int, suspects: int
) -> tuple[list[Claim], bool]:
    rows = _head_of(transaction, SUSPECTS, min(limit, suspects))
    left_suspects = suspects - len(rows)
    rows += _head_of(transaction, ORDINARY, limit - len(rows))
    if not rows:
        return [], False
    token = _reserve_tokens(transaction, len(rows))
    transaction.many("claim_job", [(incarnation, batch, token + n, row[0]) for n, row in enumerate(rows)])
    jobs = [Claim(row[1], token + n, *row[2:]) for n, row in enumerate(rows)]
    ordinary, suspect = _is_any_queued(transaction, ORDINARY), _is_any_queued(transaction, SUSPECTS)
    transaction.news.jobs |= ordinary or suspect
    return jobs, ordinary or (suspect and left_suspects > 0)


def _head_of(transaction: Transaction, lines: tuple[int, int], limit: int) -> list[Row]:
    return transaction.rows("head_of_line", first=lines[0], last=lines[1], limit=limit) if limit > 0 else []


def _is_any_queued(transaction: Transaction, lines: tuple[int, int]) -> bool:
    return transaction.row("any_queued", first=lines[0], last=lines[1]) is not None


def _reserve_tokens(transaction: Transaction, count: int) -> int:
    """Return the first of `count` tokens that were never used before."""
    last: int = transaction.one("reserve_tokens", count=count)[0]
    return last - count + 1


def release(transaction: Transaction, incarnation: str, claims: Mapping[str, int]) -> int:
    """Put claimed jobs back where they stood, but end those that someone asked to cancel."""
    ended = end_unwanted(transaction, incarnation, claims)
    rows = [(transaction.queue, incarnation, token, job_id) for job_id, token in claims.items()]
    released = transaction.many("release_claim", rows)
    transaction.news.jobs |= released > 0
    return ended + released


def claims(transaction: Transaction, incarnation: str) -> dict[str, int]:
    """Return what an incarnation holds."""
    return dict(transaction.rows("claims", incarnation=incarnation))
