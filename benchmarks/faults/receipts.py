"""Reads the receipts as they grow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Receipt:
    """One line: `enqueued` (acknowledged), `started` or `ended`; `at` is in seconds on a clock all processes share."""

    kind: str
    job: int
    pid: int
    at: float


class Reader:
    """Every receipt so far, in the order they were written."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path
        self._position = 0
        self._receipts: list[Receipt] = []

    def read(self) -> list[Receipt]:
        """Return them; a line that is still being written is left for the next time."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            written, newline, _ = file.read().rpartition(b"\n")
        self._position += len(written + newline)
        self._receipts += [Receipt(**json.loads(line)) for line in written.splitlines()]
        return self._receipts


def jobs_with(receipts: Iterable[Receipt], kind: str) -> set[int]:
    """Return the jobs that have a receipt of one kind."""
    return {receipt.job for receipt in receipts if receipt.kind == kind}


def in_hand(receipts: Iterable[Receipt], pids: set[int]) -> set[int]:
    """Return the jobs that these processes have started and not ended."""
    own = [receipt for receipt in receipts if receipt.pid in pids]
    return jobs_with(own, "started") - jobs_with(own, "ended")
