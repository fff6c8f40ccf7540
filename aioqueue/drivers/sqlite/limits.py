"""Rate limits, exact: a log of the last uses of each."""

from __future__ import annotations

from aioqueue.drivers.sqlite.transaction import Transaction


def spend(transaction: Transaction, name: str, limit: int, per: float) -> float:
    """Take a use if fewer than `limit` were taken in the last `per` seconds, else answer when there will be one."""
    now = max(transaction.now, _nth_newest(transaction, name, 1))  # the log keeps its order when the clock steps back
    oldest = _nth_newest(transaction, name, limit)
    if oldest and oldest + per > now:
        return oldest + per - now
    transaction.execute("record_use", name=name, used_at=now, expires_at=now + per)
    return 0.0


def _nth_newest(transaction: Transaction, name: str, n: int) -> float:
    """Return when the nth newest use was, 0 if there were fewer."""
    row = transaction.row("nth_newest_use", name=name, skipped=n - 1)
    return row[0] if row else 0.0
