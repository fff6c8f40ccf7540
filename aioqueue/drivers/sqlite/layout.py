"""Opening the database file: is it ours, of a layout we know, and set up for durable commits."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from aioqueue.drivers.base import LAYOUT_VERSION
from aioqueue.drivers.sqlite.faults import as_unavailable, patiently, primary_code
from aioqueue.drivers.sqlite.statements import STATEMENTS
from aioqueue.errors import ConfigurationError

APPLICATION_ID: Final = int.from_bytes(b"aioq")
_STATEMENTS_CACHED: Final = 256
_WAL_KEPT: Final = 64 * 1024 * 1024
_UNUSABLE: Final = {
    sqlite3.SQLITE_NOTADB: "is not a SQLite database",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_READONLY: "cannot be written to",
    sqlite3.SQLITE_PERM: "cannot be written to",
}


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file for the calling thread.

    `ConfigurationError` if it cannot be a store of this version, `StoreUnavailable` if it cannot be used just now.
    """
    if not path.parent.is_dir():
        raise ConfigurationError(f"the directory {path.parent} of the SQLite file {path.name} does not exist")
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, cached_statements=_STATEMENTS_CACHED)
    except sqlite3.Error as error:
        raise _explained(error, path) from error
    try:
        _prepare(connection, path)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise _explained(error, path) from error
        raise
    return connection


def _explained(error: sqlite3.Error, path: Path) -> Exception:
    reason = _UNUSABLE.get(primary_code(error))
    return ConfigurationError(f"{path} {reason} ({error})") if reason else as_unavailable(error, path)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    patiently(lambda: _check(connection, path))  # before the first write: the file may be someone else's
    mode = patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
    if mode != "wal":
        raise ConfigurationError(f"{path} cannot use a write-ahead log (journal mode {mode}): put it on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
    if not _is_ours(connection, path):
        _create(connection)
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Look at the file in one transaction: another process may be creating it."""
    connection.execute("BEGIN")
    try:
        _is_ours(connection, path)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell a store from an empty file; anything else is refused."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    layout = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == APPLICATION_ID:
        if layout > LAYOUT_VERSION:
            raise ConfigurationError(
                f"{path} has layout {layout}, this version of aioqueue knows {LAYOUT_VERSION}: upgrade aioqueue"
            )
        return True
    if application or layout or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise ConfigurationError(f"{path} is the database of another application: give aioqueue a file of its own")
    return False


def _create(connection: sqlite3.Connection) -> None:
    for statement in STATEMENTS["schema"].split(";"):  # executescript would commit first
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")
