"""What an operation works in: a connection inside a transaction, the time, and the news that is told after COMMIT."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from aioqueue.drivers.base import Settled
from aioqueue.drivers.sqlite.statements import STATEMENTS

Row: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class News:
    """What others have to hear of once it is committed.

    `jobs` says that there may be something to claim or to schedule, `told` names the bells of other drivers whose
    waiters are settled, `posted` those that subscribe to what was published, and `heard` are the settled jobs that this
    driver's listener waits for.
    """

    jobs: bool = False
    told: set[int] = field(default_factory=set)
    posted: set[int] = field(default_factory=set)
    heard: list[Settled] = field(default_factory=list)

    def add(self, other: News) -> None:
        """Take in the news of another operation."""
        self.jobs |= other.jobs
        self.told |= other.told
        self.posted |= other.posted
        self.heard += other.heard

    def clear(self) -> None:
        """Forget everything: the operation has failed."""
        self.jobs = False
        self.told.clear()
        self.posted.clear()
        self.heard.clear()


@dataclass(slots=True, frozen=True)
class Transaction:
    """One operation's view of the store; every statement may use `:queue`, `:bell` and `:now` besides its own values.

    `now` is the store's time in Unix seconds, the test-only shift included. `audience` tells whether anyone subscribes
    to events.
    """

    connection: sqlite3.Connection
    queue: int
    bell: int
    now: float
    audience: bool
    news: News = field(default_factory=News)

    def fresh(self) -> Transaction:
        """Return the same transaction for another operation, with news of its own."""
        return Transaction(self.connection, self.queue, self.bell, self.now, self.audience)

    def execute(self, statement: str, **values: object) -> sqlite3.Cursor:
        """Run a named statement."""
        values |= {"queue": self.queue, "bell": self.bell, "now": self.now}
        return self.connection.execute(STATEMENTS[statement], values)

    def rows(self, statement: str, **values: object) -> list[Row]:
        """Run a named statement and return every row."""
        return self.execute(statement, **values).fetchall()

    def row(self, statement: str, **values: object) -> Row | None:
        """Run a named statement and return its first row."""
        rows = self.rows(statement, **values)  # all of them: a RETURNING is done only at its end
        return rows[0] if rows else None

    def one(self, statement: str, **values: object) -> Row:
        """Run a named statement that always has a row."""
        (row,) = self.rows(statement, **values)
        return row

    def many(self, statement: str, values: Iterable[Sequence[object]]) -> int:
        """Run a named statement once for each sequence of values, and return how many rows it changed."""
        return self.connection.executemany(STATEMENTS[statement], values).rowcount


def json_list(values: Sequence[str] | Sequence[int]) -> str:
    """Return what a statement reads with `json_each`."""
    return msgspec.json.encode(values).decode()
