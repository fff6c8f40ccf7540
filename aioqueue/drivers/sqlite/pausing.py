"""The pause of a queue."""

from __future__ import annotations

from aioqueue.drivers.sqlite.transaction import Transaction


def pause(transaction: Transaction) -> None:
    """Let claims give nothing."""
    transaction.execute("set_paused", paused=True)
    transaction.news.jobs = True


def resume(transaction: Transaction) -> None:
    """Let claims give jobs again."""
    transaction.execute("set_paused", paused=False)
    transaction.news.jobs = True


def is_paused(transaction: Transaction) -> bool:
    """Tell whether the queue is paused."""
    return transaction.one("is_paused") == (1,)
