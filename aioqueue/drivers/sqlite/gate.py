"""Standing in line for the write lock.

SQLite lets in whoever asks at the right moment, so on a busy machine some writers starve: eight processes that enqueue
beside two busy loops got 15 jobs a second stored and kept a heartbeat waiting for 8 s; through this gate 865 and 0.5 s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class Gate:
    """A lock on a file beside the database, handed on by the kernel in order, and at once if its holder dies.

    The file is there while somebody has the database open; the last one to leave removes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = f"{path}-gate"
        self._file = self._open()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Hold the gate; `OSError` if its file is gone and cannot be made again."""
        if sys.platform == "win32":  # there it is left to chance, as in SQLite itself
            yield
            return
        self._enter()
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave for good."""
        if sys.platform != "win32":
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_there():
                    Path(self._path).unlink()
        os.close(self._file)

    def _enter(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        while not self._is_there():  # whoever left last has removed it meanwhile
            fresh = self._open()  # first: what was closed before this fails would soon be somebody else's file
            os.close(self._file)
            self._file = fresh
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _is_there(self) -> bool:
        try:
            return os.fstat(self._file).st_ino == os.stat(self._path).st_ino  # noqa: PTH116 -- on the hot path
        except FileNotFoundError:
            return False
