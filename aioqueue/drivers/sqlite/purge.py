"""Removing what the store has promised to remember no longer, a little at a time."""

from __future__ import annotations

from typing import Final

from aioqueue.drivers.base import DEAD_LETTER_TTL
from aioqueue.drivers.sqlite.transaction import Transaction

_AT_ONCE: Final = 1_000


def purge(transaction: Transaction) -> bool:
    """Remove up to `_AT_ONCE` of each kind and tell whether there may be more."""
    oldest = transaction.now - DEAD_LETTER_TTL
    removed = [
        transaction.execute(statement, limit=_AT_ONCE, oldest=oldest).rowcount
        for statement in ("purge_settled", "purge_receipts", "purge_waiters", "purge_dead")
    ]
    return max(removed) == _AT_ONCE
