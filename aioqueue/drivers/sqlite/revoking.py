"""Revocations: marks on jobs and tasks that keep them from running."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aioqueue.drivers.base import Claim, Revocation
from aioqueue.drivers.sqlite.transaction import Transaction, json_list


def revoke(transaction: Transaction, target: str, until: float, *, once: bool, ttl: float) -> None:
    """Put a mark on a target; it stops to hold at `until`, or after `ttl` seconds unless it is on a live job."""
    ends = [until] if until else []
    ends += [transaction.now + ttl] if ttl and not _is_live(transaction, target) else []
    transaction.execute("revoke", target=target, until=until, once=once, expires_at=min(ends, default=0.0))


def restore(transaction: Transaction, target: str) -> bool:
    """Remove the mark of a target, and tell whether it held."""
    return transaction.row("restore", target=target) == (1,)


def revocations(transaction: Transaction, targets: Sequence[str]) -> list[Revocation | None]:
    """Return the marks that hold, in the order of `targets`."""
    marks = _holding(transaction, targets)
    return [marks.get(target) for target in targets]


def marks_of(transaction: Transaction, jobs: Sequence[Claim]) -> dict[str, Revocation]:
    """Return the mark that holds for each of these jobs, its own before its task's."""
    marks = _holding(transaction, {target for job in jobs for target in _targets(job)})
    held = ((job.id, next(filter(None, map(marks.get, _targets(job))), None)) for job in jobs)
    return {job_id: mark for job_id, mark in held if mark}


def _targets(job: Claim) -> tuple[str, str]:
    return f"job:{job.id}", f"task:{job.task}"


def _holding(transaction: Transaction, targets: Iterable[str]) -> dict[str, Revocation]:
    rows = transaction.rows("revocations", targets=json_list(list(targets)))
    return {target: Revocation(target, until, bool(once), serial) for target, until, once, serial in rows}


def _is_live(transaction: Transaction, target: str) -> bool:
    job_id = target.removeprefix("job:")
    return job_id != target and transaction.row("standing", id=job_id) is not None


def consume(transaction: Transaction, mark: Revocation) -> bool:
    """Remove a once-revocation; answer whether it held, or one in its place holds for good."""
    if transaction.row("consume", target=mark.target, serial=mark.serial):
        return True
    standing = _holding(transaction, [mark.target]).get(mark.target)
    return standing is not None and not standing.once


def forget(transaction: Transaction, job_ids: Sequence[str]) -> None:
    """Remove the marks of jobs that live no more."""
    transaction.execute("forget_marks", ids=json_list(job_ids))
