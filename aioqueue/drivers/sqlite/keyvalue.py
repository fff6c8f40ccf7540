"""The key-value store of a queue, a keyspace of its own."""

from __future__ import annotations

import re
from typing import Final

from aioqueue.drivers.base import INTEGERS
from aioqueue.drivers.sqlite.transaction import Transaction

_WHOLE_NUMBER: Final = re.compile(rb"0|-?[1-9][0-9]{0,18}")


def get(transaction: Transaction, key: str) -> bytes | None:
    """Return a value."""
    pair = transaction.row("get", key=key)
    return pair[0] if pair else None


def put(transaction: Transaction, key: str, value: bytes, ttl: float) -> None:
    """Store a value for `ttl` seconds, 0 for ever."""
    transaction.execute("put", key=key, value=value, expires_at=transaction.now + ttl if ttl else 0.0)


def put_if_absent(transaction: Transaction, key: str, value: bytes, ttl: float) -> bool:
    """Store a value unless there is one."""
    if transaction.row("get", key=key):
        return False
    put(transaction, key, value, ttl)
    return True


def pop(transaction: Transaction, key: str) -> bytes | None:
    """Remove a value and return it."""
    popped = transaction.row("pop", key=key)
    return popped[0] if popped and popped[1] else None


def increment(transaction: Transaction, key: str, by: int) -> int:
    """Add to a whole number, which keeps its ttl."""
    text, expires_at = transaction.row("get", key=key) or (b"0", 0.0)
    total = _sum(key, text, by)
    transaction.execute("put", key=key, value=b"%d" % total, expires_at=expires_at)
    return total


def _sum(key: str, text: bytes, by: int) -> int:
    total = int(text) + by if _WHOLE_NUMBER.fullmatch(text) else None
    if total is None or any(number not in INTEGERS for number in (int(text), by, total)):
        raise ValueError(f"the value of {key!r}, or {by} more, is not a whole number of 64 bits")
    return total
