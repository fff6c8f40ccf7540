"""What happened in a simulation: a trace to be read, and the receipts that it is judged by."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tests.faults.receipts import Enqueued, Learned, Receipt, Started
from tests.simulation.ledger import Ledger

if TYPE_CHECKING:
    from tests.simulation.process import Process


class History:
    """Open while the simulation runs; what happens when it has been judged is nobody's concern."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.receipts: list[Receipt] = []
        self.ledger = Ledger()
        self.complaints: list[str] = []
        self.executions = itertools.count(1)
        self.started: Counter[str] = Counter()
        self.handed: dict[str, list[Sequence[str]]] = {}
        self.acknowledged: dict[str, None] = {}
        self.is_open = True
        self._loop = loop
        self._lines: list[tuple[float, str, str, tuple[object, ...]]] = []

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self._loop.time()

    def tell(self, who: str, what: str, *about: object) -> None:
        """Add a line to the trace."""
        if self.is_open:
            self._lines.append((self.now, who, what, about))

    def write(self, receipt: Receipt) -> None:
        """Keep a receipt."""
        if self.is_open:
            self.receipts.append(receipt)

    def start(self, job_id: str, n: int, process: Process) -> None:
        """Note that a body starts."""
        if self.is_open:
            self.started[job_id] += 1
            self.tell(process.name, "starts", job_id)
            self.write(Started(id=job_id, n=n, pid=process.pid, at=self.now))

    def hand(self, job_id: str, values: Sequence[str]) -> None:
        """Note what an execution was given by jobs before it."""
        self.handed.setdefault(job_id, []).append(values)

    def acknowledge(self, *ids: str) -> None:
        """Note that these jobs must not be lost from here on."""
        for job_id in ids:
            if job_id not in self.acknowledged and self.is_open:
                self.acknowledged[job_id] = None
                self.write(Enqueued(id=job_id, pid=0, at=self.now))

    def learn(self, job_id: str, outcome: str) -> None:
        """Note what somebody was told of a job's end."""
        self.tell("", "learned:", job_id, outcome)
        self.write(Learned(id=job_id, outcome=outcome, pid=0, at=self.now))

    def complain(self, what: str) -> None:
        """Note something that must not happen."""
        if self.is_open:
            self.complaints.append(f"at {self.now:.3f}: {what}")
            self.tell("", f"!!! {what}")

    def trace(self) -> str:
        """Return the whole trace."""
        return "\n".join(
            f"{at:10.3f}  {who:10} {what} {' '.join(_brief(each) for each in about)}".rstrip()
            for at, who, what, about in self._lines
        )


def _brief(value: object) -> str:  # noqa: C901 -- one line a kind of value
    """Return what is needed to follow a trace; bytes tell nothing."""
    match value:
        case bytes():
            return "…"
        case float():
            return f"{value:.3f}"
        case Enum():
            return str(value)
        case Struct():
            return _brief_struct(value)
        case Mapping():
            return "{" + " ".join(f"{_brief(key)}:{_brief(each)}" for key, each in value.items()) + "}"
        case str():
            return value[:8] if len(value) == 32 else value
        case Iterable():
            return "[" + " ".join(_brief(each) for each in value) + "]"
        case _ if callable(value):
            return "(a function)"
    return str(value)


def _brief_struct(value: Any) -> str:
    names = ("id", "token", "state", "admission", "delay", "jobs", "more", "incarnation", "counter", "alive", "cancel")
    told = [_brief(getattr(value, name)) for name in names if hasattr(value, name)]
    return f"{type(value).__name__}({' '.join(told)})"
