"""One driver's way into the file and out of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path

from aioqueue.drivers.sqlite.faults import patiently
from aioqueue.drivers.sqlite.gate import Gate
from aioqueue.drivers.sqlite.group import FileId, Store, transact
from aioqueue.drivers.sqlite.layout import connect
from aioqueue.drivers.sqlite.ringing import take_bell_down
from aioqueue.drivers.sqlite.statements import STATEMENTS


def enter(path: Path, queue: str, address: str) -> Store:
    """Open or create the file, and hang up a bell.

    Raises what `connect` does, and the errors of SQLite and of the operating system.
    """
    gate = _gate(path)
    try:
        connection = connect(path) if path.exists() else _create(path, gate)
    except BaseException:
        gate.close()
        raise
    try:
        number, bell = patiently(partial(_hang_bell, connection, queue, address))
        return Store(connection, path, file_id(path), number, bell, gate)
    except BaseException:
        gate.close()
        connection.close()
        raise


def is_in_place(store: Store) -> bool:
    """Tell whether the file is still the one at its path: what is written to a file that was removed is lost."""
    try:
        return file_id(store.path) == store.file
    except OSError:
        return False


def leave(store: Store) -> None:
    """Take the bell down and close the file."""
    with suppress(sqlite3.Error, OSError):  # others find the bell dead and take it down
        transact(store, partial(take_bell_down, number=store.bell))
    close(store)


def close(store: Store) -> None:
    """Close the file."""
    store.gate.close()
    store.connection.close()


def file_id(path: Path) -> FileId:
    """Return what tells a file from another one that takes its place."""
    status = os.stat(path)  # noqa: PTH116 -- on the hot path
    return status.st_dev, status.st_ino


def _gate(path: Path) -> Gate:
    try:
        return Gate(path)
    except OSError:
        connect(path).close()  # which says best why there can be no file here
        raise


def _create(path: Path, gate: Gate) -> sqlite3.Connection:
    """Create the file, without what is left of one that was removed: as long as anyone has that open, it is used."""
    with gate.passed():
        if not path.exists():
            for rest in ("-wal", "-shm"):
                path.with_name(path.name + rest).unlink(missing_ok=True)
        return connect(path)


def _hang_bell(connection: sqlite3.Connection, queue: str, address: str) -> tuple[int, int]:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        number = connection.execute(STATEMENTS["find_queue"], {"name": queue}).fetchall()[0][0]
        values = {"queue": number, "address": address}
        return number, connection.execute(STATEMENTS["hang_bell"], values).fetchall()[0][0]
