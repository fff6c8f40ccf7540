"""What the memory drivers of one process share: the state of every queue, under one lock."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Final

from aioqueue.drivers.base import Lease
from aioqueue.drivers.memory.bell import Bell
from aioqueue.drivers.memory.chord import Chord
from aioqueue.drivers.memory.firings import Firings
from aioqueue.drivers.memory.locks import Locks
from aioqueue.drivers.memory.notes import Notes
from aioqueue.drivers.memory.rates import Rates
from aioqueue.drivers.memory.remains import Remains
from aioqueue.drivers.memory.revocations import Revocations
from aioqueue.drivers.memory.shelves import Shelves
from aioqueue.drivers.memory.topics import Topics
from aioqueue.drivers.memory.values import Values
from aioqueue.drivers.memory.watchers import Watchers


@dataclass(slots=True)
class Standing:
    """The lease of one incarnation, and the number of its last claim."""

    seconds: float
    info: bytes
    renewed_at: float
    counter: int = 0
    batch: int | None = None

    def lease(self, incarnation: str) -> Lease:
        """Return a copy of the lease to be looked at."""
        return Lease(incarnation, self.counter, self.seconds, self.info, self.renewed_at)


@dataclass(slots=True)
class QueueState:
    """Everything that is stored of one queue."""

    shelves: Shelves = field(default_factory=Shelves)
    remains: Remains = field(default_factory=Remains)
    chords: dict[str, Chord] = field(default_factory=dict)
    revocations: Revocations = field(default_factory=Revocations)
    firings: Firings = field(default_factory=Firings)
    locks: Locks = field(default_factory=Locks)
    rates: Rates = field(default_factory=Rates)
    notes: Notes = field(default_factory=Notes)
    values: Values = field(default_factory=Values)
    topics: Topics = field(default_factory=Topics)
    leases: dict[str, Standing] = field(default_factory=dict)
    watchers: Watchers = field(default_factory=Watchers)
    bell: Bell = field(default_factory=Bell)
    offset: float = 0.0
    paused: bool = False

    def now(self) -> float:
        """Return the store's time, in Unix seconds."""
        return time.time() + self.offset

    def flush(self) -> None:
        """Forget all but the leases, the pause, the key-value store, and who listens."""
        self.shelves, self.remains = Shelves(), Remains()
        self.chords.clear()
        self.revocations.clear()
        self.firings, self.locks, self.rates, self.notes = Firings(), Locks(), Rates(), Notes()


class MemoryStore:
    """A store that lives as long as this object; any number of drivers, in any threads, may share it."""

    def __init__(self) -> None:
        self.lock: Final = Lock()
        self.queues: defaultdict[str, QueueState] = defaultdict(QueueState)
        self.tokens: Final = count(1)


_stores: defaultdict[str, MemoryStore] = defaultdict(MemoryStore)
_stores_lock = Lock()


def memory_store(name: str) -> MemoryStore:
    """Return the store of that name in this process, the same one each time."""
    with _stores_lock:
        return _stores[name]


def forget_memory_store(name: str) -> None:
    """Let go of the store of that name: who has it keeps it, who asks for the name gets an empty one."""
    with _stores_lock:
        _stores.pop(name, None)
