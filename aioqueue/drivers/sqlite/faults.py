"""What an error of SQLite, or of the files beside it, means to the caller."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from typing import Final, TypeVar

from aioqueue.errors import StoreUnavailable

PATIENCE: Final = 60.0
_SHORT_PAUSES: Final = [0.0002] * 10  # a commit takes about as long
_LONG_PAUSE: Final = 0.001

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: f"another process has kept it locked for {PATIENCE:g} s",
    sqlite3.SQLITE_LOCKED: "a table of it is locked",
    sqlite3.SQLITE_READONLY: "it cannot be written to",
    sqlite3.SQLITE_IOERR: "reading or writing it failed",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "it is full, or its disk is",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_NOTADB: "it is not a database any more",
    sqlite3.SQLITE_PROTOCOL: "its locks do not work",
}

T = TypeVar("T")


def primary_code(error: BaseException) -> int:
    """Return the primary result code of an error of SQLite, 0 for any other error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: BaseException) -> bool:
    """Tell whether the same step may succeed a moment later."""
    return primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def as_unavailable(error: Exception, path: Path) -> Exception:
    """Return `StoreUnavailable` with one clear line if the file is at fault, else the error itself."""
    if isinstance(error, OSError):
        what = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        unavailable = StoreUnavailable(f"the SQLite file {path}: {what}")
    elif reason := _REASONS.get(primary_code(error)):
        unavailable = StoreUnavailable(f"the SQLite file {path}: {reason} ({error})")
    else:
        return error
    unavailable.__cause__ = error
    return unavailable


def patiently(step: Callable[[], T]) -> T:
    """Repeat `step`, at last every millisecond, while the file is busy, for up to `PATIENCE` seconds.

    SQLite's own busy handler sleeps up to 100 ms at a time, and whoever sleeps longest starves.
    """
    give_up_at = time.monotonic() + PATIENCE
    for pause in chain(_SHORT_PAUSES, repeat(_LONG_PAUSE)):
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up_at:
                raise
        time.sleep(pause)
    raise AssertionError
