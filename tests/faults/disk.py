"""Disks that fail: one loses its power, one has no room left."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from tests.faults.overseer import Call, overseer

_File: TypeAlias = tuple[int, int]


class PoweredDisk:
    """Keeps a copy of each file as it was when it was last synced, by any command that `launcher` goes before.

    What was not synced is lost as a whole at `lose_power`. Names are kept as they are: to make, rename and remove files
    is taken for durable at once. This is harsher on contents than a disk, which may have written more than it was asked
    to, and milder on names.

    A copy is taken by opening the file in this process. So this process must hold no lock of SQLite's on it: closing
    one descriptor of a file gives up every lock that its process has there.
    """

    def __init__(self) -> None:
        self.launcher: list[str] = []
        self.syncs = 0
        self._copies: dict[_File, bytes] = {}
        self._pins: dict[_File, int] = {}
        self._copying = threading.Lock()

    def lose_power(self, directory: Path) -> None:
        """Put every file below `directory` back to what was last synced; nobody may have one open."""
        with self._copying:
            for path in [path for path in directory.rglob("*") if path.is_file()]:
                content = self._copies.get(_file(path.stat()), b"")
                path.unlink()  # what is written next is another file, which nobody has open
                path.write_bytes(content)
                self._pin(_file(path.stat()), os.open(path, os.O_RDONLY))
                self._copies[_file(path.stat())] = content

    def sync(self, call: Call) -> int:
        """Take a copy of the file, and let the sync succeed: this disk is only in memory."""
        pin = os.open(call.path, os.O_RDONLY)
        status = os.fstat(pin)
        file = _file(status)
        if stat.S_ISREG(status.st_mode):
            with self._copying:
                self._copies[file] = _content(pin)
                self.syncs += 1
        self._pin(file, pin)
        return 0

    def _pin(self, file: _File, descriptor: int) -> None:
        """Hold a file open, so that no other one gets its number."""
        if file in self._pins:
            os.close(descriptor)
        else:
            self._pins[file] = descriptor

    def close(self) -> None:
        """Let go of the files."""
        for pin in self._pins.values():
            os.close(pin)


@contextmanager
def powered_disk() -> Iterator[PoweredDisk]:
    """Have a disk for the length of a block; what was started on it must have ended by then."""
    disk = PoweredDisk()
    with overseer(("fsync", "fdatasync"), disk.sync) as disk.launcher:
        try:
            yield disk
        finally:
            disk.close()


class SmallDisk:
    """While it `is_full`, no file can grow for any command that `launcher` goes before."""

    def __init__(self) -> None:
        self.launcher: list[str] = []
        self.is_full = False

    def write(self, call: Call) -> int | None:
        """Refuse what would make a file longer."""
        _, _, length, offset, *_ = call.arguments
        grows = self.is_full and offset + length > os.stat(call.path).st_size  # noqa: PTH116 -- a path to a descriptor
        return errno.ENOSPC if grows else None


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """Have a disk for the length of a block; what was started on it must have ended by then."""
    disk = SmallDisk()
    with overseer(("pwrite64",), disk.write) as disk.launcher:
        yield disk


def _file(status: os.stat_result) -> _File:
    return status.st_dev, status.st_ino


def _content(descriptor: int) -> bytes:
    pieces: list[bytes] = []
    while piece := os.pread(descriptor, 1 << 24, sum(map(len, pieces))):
        pieces.append(piece)
    return b"".join(pieces)
