"""Removing what the store has promised to remember no longer, a little at a time."""

from __future__ import annotations

from typing import Final

from aioqueue.drivers.base import DEAD_LETTER_TTL
from aioqueue.drivers.sqlite.notes import purge_notes
from aioqueue.drivers.sqlite.statements import STATEMENTS
from aioqueue.drivers.sqlite.transaction import Transaction

_AT_ONCE: Final = 1_000
_STATEMENTS: Final = [name for name in STATEMENTS if name.startswith("purge_")]


def purge(transaction: Transaction) -> bool:
    """Remove up to `_AT_ONCE` of each kind and tell whether there may be more."""
    oldest = transaction.now - DEAD_LETTER_TTL
    removed = [transaction.execute(statement, limit=_AT_ONCE, oldest=oldest).rowcount for statement in _STATEMENTS]
    return max(*removed, purge_notes(transaction, _AT_ONCE)) == _AT_ONCE
