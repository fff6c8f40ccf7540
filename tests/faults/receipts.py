"""The outside oracle: an append-only file in which every process writes down what it saw, whatever the store says."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct, field


class _Line(Struct, frozen=True, tag=True, kw_only=True):
    """One line; `at` is in seconds on the clock that all processes of this machine share."""

    at: float = field(default_factory=time.monotonic)
    pid: int = field(default_factory=os.getpid)


class Enqueued(_Line, frozen=True):
    """An enqueue was acknowledged: from here on the job must not be lost."""

    id: str


class Submitted(_Line, frozen=True):
    """One call of the driver is about to store these jobs."""

    jobs: list[str]


class Claimed(_Line, frozen=True):
    """The store gave jobs to a process: id -> token."""

    jobs: dict[str, int]


class Released(_Line, frozen=True):
    """The store took back jobs that a process had claimed and not ended."""

    jobs: list[str]


class Started(_Line, frozen=True):
    """The `n`-th body in this process started; (pid, n) names an execution."""

    id: str
    n: int


class Ended(_Line, frozen=True):
    """A body returned."""

    id: str
    n: int


class Dropped(_Line, frozen=True):
    """A body was stopped by its worker before it returned."""

    id: str
    n: int


class SettleAnswered(_Line, frozen=True):
    """The store answered a settle; `terminal` says whether the outcome was the job's last."""

    id: str
    token: int
    verdict: str
    terminal: bool


class Reaped(_Line, frozen=True):
    """A worker reaped a lease that held `jobs` jobs."""

    incarnation: str
    jobs: int


class Learned(_Line, frozen=True):
    """A waiter learned a job's outcome: the value of a success, else the name of the error."""

    id: str
    outcome: str


class WorkerBegan(_Line, frozen=True):
    """A worker process is ready to claim; `code` is where its aioqueue is."""

    code: str = ""


class WorkerStopped(_Line, frozen=True):
    """A worker process ended in order."""


class WorkerKilled(_Line, frozen=True):
    """A worker process is about to be killed; `pid` is the victim's."""


class FailedAt(_Line, frozen=True):
    """A process has come to its failpoint, with these jobs in the operation, and is about to be killed."""

    point: str
    jobs: list[str]


Receipt: TypeAlias = (
    Enqueued
    | Submitted
    | Claimed
    | Released
    | Started
    | Ended
    | Dropped
    | SettleAnswered
    | Reaped
    | Learned
    | WorkerBegan
    | WorkerStopped
    | WorkerKilled
    | FailedAt
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Receipt).decode


def write(path: Path, receipt: Receipt) -> None:
    """Append one line in one write, so that lines of many processes never mix and a killed process leaves none torn."""
    write_all(path, [receipt])


def write_all(path: Path, receipts: Sequence[Receipt]) -> None:
    """Append several lines in one write."""
    lines = b"".join(_encode(receipt) + b"\n" for receipt in receipts)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, lines)
    finally:
        os.close(descriptor)


class Reader:
    """Reads the file as it grows."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path
        self._position = 0
        self._receipts: list[Receipt] = []

    def read(self) -> list[Receipt]:
        """Return every receipt so far, in the order they were written."""
        with closing(self._path.open("rb")) as file:
            file.seek(self._position)
            written, newline, _ = file.read().rpartition(b"\n")
        self._position += len(written + newline)
        self._receipts += [_decode(line) for line in written.splitlines()]
        return self._receipts
