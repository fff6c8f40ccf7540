"""Locks and semaphores: places with an owner, for a time."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.sqlite.transaction import Transaction, json_list


def acquire(transaction: Transaction, name: str, owner: str, ttl: float, limit: int) -> bool:
    """Take a place if one is left; an owner that has one keeps it, from now on for `ttl` seconds."""
    if extend(transaction, name, owner, ttl):
        return True
    if transaction.one("places_taken", name=name)[0] >= limit:
        return False
    transaction.execute("take_place", name=name, owner=owner, expires_at=transaction.now + ttl)
    return True


def extend(transaction: Transaction, name: str, owner: str, ttl: float) -> bool:
    """Hold a place for `ttl` seconds from now, if it is still this owner's."""
    return transaction.row("keep_lock", name=name, owner=owner, expires_at=transaction.now + ttl) is not None


def free(transaction: Transaction, name: str, owner: str) -> bool:
    """Give a place back, and tell whether it was still this owner's."""
    return transaction.row("free_place", name=name, owner=owner) == (1,)


def holders(transaction: Transaction, names: Sequence[str]) -> list[int]:
    """Return how many places of each lock are taken."""
    taken: dict[str, int] = dict(transaction.rows("holders", names=json_list(names)))
    return [taken.get(name, 0) for name in names]


def clear(transaction: Transaction, names: Sequence[str]) -> int:
    """Free every place of these locks, of all locks if none is named, and return how many were taken."""
    freed = transaction.rows("clear_locks", names=json_list(names)) if names else transaction.rows("clear_all_locks")
    return sum(was_held for (was_held,) in freed)
