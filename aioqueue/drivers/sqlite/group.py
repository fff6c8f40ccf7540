"""Group commit: the operations that wait together share one transaction, and each fails alone."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from aioqueue.drivers.base import EVENTS_TOPIC
from aioqueue.drivers.sqlite.faults import as_unavailable, is_busy, patiently
from aioqueue.drivers.sqlite.gate import Gate
from aioqueue.drivers.sqlite.ringing import Ring, rings_for
from aioqueue.drivers.sqlite.statements import STATEMENTS
from aioqueue.drivers.sqlite.transaction import News, Transaction

T = TypeVar("T")
Operation: TypeAlias = Callable[[Transaction], Any]
FileId: TypeAlias = tuple[int, int]


@dataclass(slots=True, frozen=True)
class Store:
    """The open file as one driver sees it: `queue` and `bell` are the numbers of its own."""

    connection: sqlite3.Connection
    path: Path
    file: FileId
    queue: int
    bell: int
    gate: Gate


@dataclass(slots=True, frozen=True)
class Entry:
    """An operation that was handed over, and the future of its caller. `writes` asks for the write lock."""

    operation: Operation
    writes: bool
    future: asyncio.Future[Any]


@dataclass(slots=True, frozen=True)
class Ending:
    """What became of an entry: a value, or the error that its caller gets."""

    entry: Entry
    value: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Round:
    """What one group did, and who has to hear of it; `audience` is None where the file did not say."""

    endings: list[Ending] = field(default_factory=list)
    news: News = field(default_factory=News)
    rings: list[Ring] = field(default_factory=list)
    audience: bool | None = None

    def add(self, other: Round) -> None:
        """Take in what another group did."""
        self.endings += other.endings
        self.news.add(other.news)
        self.rings += other.rings
        self.audience = self.audience if other.audience is None else other.audience


def transact(store: Store, operation: Callable[[Transaction], T]) -> T:
    """Run one operation in a transaction of its own."""

    def attempt() -> T:
        with store.gate.passed(), _transaction(store, "BEGIN IMMEDIATE") as transaction:
            return operation(transaction)

    return patiently(attempt)


def run(store: Store, group: Sequence[Entry]) -> Round:
    """Run the entries in one transaction and commit it.

    When the transaction is lost as a whole, as with a full disk, each entry gets one of its own: what frees space must
    not fail with what takes it. A file that stayed locked fails them all: they have waited long enough.
    """
    try:
        return patiently(lambda: _run_together(store, group))
    except Exception as error:  # noqa: BLE001 -- whatever it is, its place is at the callers
        if len(group) == 1 or is_busy(error):
            return Round([Ending(entry, error=as_unavailable(error, store.path)) for entry in group])
    result = Round()
    for entry in group:
        result.add(run(store, [entry]))
    return result


@contextmanager
def _transaction(store: Store, begin: str) -> Iterator[Transaction]:
    connection = store.connection
    connection.execute(begin)
    try:
        values = {"queue": store.queue, "topic": EVENTS_TOPIC}
        ((shift, audience),) = connection.execute(STATEMENTS["surroundings"], values).fetchall()
        yield Transaction(connection, store.queue, store.bell, time.time() + shift, bool(audience))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _run_together(store: Store, group: Sequence[Entry]) -> Round:
    result = Round()
    writes = any(entry.writes for entry in group)
    turn, begin = (store.gate.passed(), "BEGIN IMMEDIATE") if writes else (nullcontext(), "BEGIN")
    with turn, _transaction(store, begin) as transaction:
        for entry in group:
            own = transaction.fresh()
            result.endings.append(_run_alone(store, entry, own))
            result.news.add(own.news)
        result.rings = rings_for(transaction, result.news)
        result.audience = transaction.audience
    return result


def _run_alone(store: Store, entry: Entry, transaction: Transaction) -> Ending:
    """Run one entry so that its failure leaves nothing of it behind, and the others whole."""
    connection = store.connection
    connection.execute("SAVEPOINT operation")
    try:
        value = entry.operation(transaction)
    except Exception as error:
        if not connection.in_transaction or is_busy(error):
            raise
        connection.execute("ROLLBACK TO operation")
        transaction.news.clear()
        ending = Ending(entry, error=as_unavailable(error, store.path))
    else:
        ending = Ending(entry, value)
    connection.execute("RELEASE operation")
    return ending
