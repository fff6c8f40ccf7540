"""Processes whose connections to SQLite are not what the driver asks for."""

from __future__ import annotations

import importlib
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.faults.processes import ROOT, Process
from tests.faults.receipts import WorkerKilled, write
from tests.faults.worker import Orders

_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); from tests.faults.connections import main; main(*sys.argv[1:])"
)
_AS_MANY_AS_EVER: Final = 0xFFFFFFFE


class Hasty(sqlite3.Connection):
    """Takes a commit for done before it is on disk, which the driver never does.

    It makes no checkpoint either: one that happens to come last would sync all that went before it.
    """

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql.startswith("BEGIN"):
            super().execute("PRAGMA synchronous = NORMAL")
            super().execute("PRAGMA wal_autocheckpoint = 0")
        return super().execute(sql, *arguments)


def hasty(_: str) -> type[sqlite3.Connection]:
    """Return the kind of connection that loses at a power cut what it has told to be stored."""
    return Hasty


def bounded(sign: str) -> type[sqlite3.Connection]:
    """Return the kind of connection whose file may not grow while there is a file at the path `sign`."""

    class Bounded(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN"):
                pages = 1 if os.path.exists(sign) else _AS_MANY_AS_EVER  # noqa: PTH110 -- on the hot path
                super().execute(f"PRAGMA max_page_count = {pages}")
            return super().execute(sql, *arguments)

    return Bounded


def doomed(sentence: str) -> type[sqlite3.Connection]:
    """Return the kind of connection that kills its process before the n-th statement that it runs in transactions."""
    nth, receipts = sentence.split(":", 1)
    left = int(nth)

    class Doomed(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            nonlocal left
            if self.in_transaction:
                left -= 1
                if left == 0:
                    write(Path(receipts), WorkerKilled(pid=os.getpid()))
                    os.kill(os.getpid(), signal.SIGKILL)
            return super().execute(sql, *arguments)

    return Doomed


_KINDS: Final[dict[str, Callable[[str], type[sqlite3.Connection]]]] = {
    "plain": lambda _: sqlite3.Connection,
    "hasty": hasty,
    "bounded": bounded,
    "doomed": doomed,
}


def connections_of(kind: str, argument: str) -> Callable[..., sqlite3.Connection]:
    """Return what is to stand in for `sqlite3.connect`."""
    return partial(sqlite3.connect, factory=_KINDS[kind](argument))


def start_with(
    kind: str, argument: str, module: str, orders: Orders, directory: Path, launcher: Sequence[str] = ()
) -> Process:
    """Start a process that runs `main` of a module, with connections of a kind."""
    python = (*launcher, sys.executable, "-P", "-W", "error", "-c", _PROGRAM, str(ROOT))
    arguments = (*python, kind, argument, module, msgspec.json.encode(orders).decode())
    return Process(arguments, directory, Path(orders.receipts))


def main(kind: str, argument: str, module: str, orders: str) -> None:
    """Do what such a process does."""
    sqlite3.connect = connections_of(kind, argument)  # type: ignore[assignment]
    importlib.import_module(module).main(orders)
