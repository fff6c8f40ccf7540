"""The leases of incarnations, and what becomes of their claims when they end."""

from __future__ import annotations

from aioqueue.drivers.base import Lease, Renewal
from aioqueue.drivers.sqlite.cancelling import cancellations, end_unwanted
from aioqueue.drivers.sqlite.transaction import Transaction


def register(transaction: Transaction, incarnation: str, seconds: float, info: bytes) -> None:
    """Create a lease unless it exists."""
    transaction.execute("create_lease", incarnation=incarnation, seconds=seconds, info=info)


def renew(transaction: Transaction, incarnation: str, info: bytes) -> Renewal:
    """Add one to the counter of a lease that exists, and tell which of its jobs are to be cancelled."""
    alive = transaction.row("renew_lease", incarnation=incarnation, info=info) is not None
    return Renewal(alive, cancellations(transaction, incarnation) if alive else [])


def leases(transaction: Transaction) -> list[Lease]:
    """Return every lease of the queue."""
    return [Lease(*row) for row in transaction.rows("leases")]


def retire(transaction: Transaction, incarnation: str) -> int:
    """End a lease and release its claims."""
    transaction.execute("end_lease", incarnation=incarnation)
    return _release_all(transaction, incarnation, deliveries=0)


def reap(transaction: Transaction, incarnation: str, counter: int) -> int | None:
    """End a lease that is still silent; its jobs become suspects."""
    if transaction.row("end_silent_lease", incarnation=incarnation, counter=counter) is None:
        return None
    return _release_all(transaction, incarnation, deliveries=1)


def _release_all(transaction: Transaction, incarnation: str, deliveries: int) -> int:
    ended = end_unwanted(transaction, incarnation)
    released = transaction.execute("release_all", incarnation=incarnation, deliveries=deliveries).rowcount
    transaction.news.jobs |= released > 0
    return ended + released
