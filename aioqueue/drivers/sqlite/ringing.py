"""Who is rung when something was committed."""

from __future__ import annotations

from typing import Final, NamedTuple

from aioqueue.drivers.sqlite.bell import JOBS, NOTHING, RESULTS, TOPICS
from aioqueue.drivers.sqlite.transaction import News, Transaction, json_list

BELLS_KEPT: Final = 1_000


class Ring(NamedTuple):
    """A bell and what is to be said there."""

    bell: int
    address: str
    kind: bytes


def rings_for(transaction: Transaction, news: News) -> list[Ring]:
    """Return the bells of other drivers that have to be rung for this news."""
    rings = []
    if news.jobs:
        rings += [Ring(bell, address, JOBS) for bell, address in transaction.rows("bells_for_jobs")]
    for bells, kind in ((news.told, RESULTS), (news.posted, TOPICS)):
        if bells:
            rows = transaction.rows("bells_of", bells=json_list(list(bells)))
            rings += [Ring(bell, address, kind) for bell, address in rows]
    return rings


def roll_call(transaction: Transaction) -> list[Ring]:
    """Return rings that say nothing: whoever they do not reach has gone without taking its bell down.

    Those that are out of sight, of containers that were killed, come to an end by their number.
    """
    for (number,) in transaction.rows("oldest_bells", kept=BELLS_KEPT):
        take_bell_down(transaction, number)
    return [Ring(bell, address, NOTHING) for bell, address in transaction.rows("other_bells")]


def hear_jobs(transaction: Transaction) -> None:
    """Have this driver's bell rung for jobs from now on."""
    transaction.execute("hear_jobs")


def take_bell_down(transaction: Transaction, number: int) -> None:
    """Forget a bell and whatever its driver waited for."""
    transaction.execute("take_bell_down", number=number)
    transaction.execute("forget_subscriptions", number=number)
    transaction.execute("forget_waiters", number=number)
