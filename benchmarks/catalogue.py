"""What is measured of whom, in rounds or once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.findings import Found
from benchmarks.measures import (
    awaiting,
    capacities,
    depths,
    draining,
    enqueueing,
    floor,
    resting,
    round_trips,
    scheduling,
    starting,
    storing,
    using,
)
from benchmarks.plan import Plan
from benchmarks.roster import BARE, OURS, OURS_ON_SQLITE, SERVER, Peer
from benchmarks.stand import Stand


@dataclass(frozen=True)
class Measure:
    """One measure; `who` takes part (nobody named: every peer), and `once` is it taken, not in every round."""

    name: str
    take: Callable[[Stand, Plan], Found]
    who: tuple[str, ...] = ()
    once: bool = False

    def is_for(self, peer: Peer) -> bool:
        """Whether it is taken of this peer."""
        return peer.name in self.who if self.who else peer.role != "server"


MEASURES: Final = (
    Measure("ping", floor.ping, (SERVER,)),
    Measure("enqueue_one", floor.scripts_one_by_one, (SERVER,)),
    Measure("enqueue_many", floor.scripts_pipelined, (SERVER,)),
    Measure("enqueue_one", enqueueing.one_by_one),
    Measure("enqueue_many", enqueueing.by_many_callers),
    Measure("enqueue_bulk", enqueueing.with_one_call, (OURS, BARE, "saq")),
    Measure("drain", draining.drain),
    Measure("drain_threads", draining.in_threads, (OURS, "huey")),
    Measure("round_trip", round_trips.round_trip),
    Measure("payload", draining.with_payload, (OURS, BARE)),
    Measure("startup", starting.startup, (OURS,), once=True),
    Measure("lateness", scheduling.lateness, (OURS,), once=True),
    Measure("stored", storing.stored, (OURS,), once=True),
    Measure("features", using.features, (OURS,), once=True),
    Measure("naps", capacities.naps, (OURS,), once=True),
    Measure("processes", capacities.processes, (OURS,), once=True),
    Measure("concurrency", capacities.concurrency, (OURS,), once=True),
    Measure("awaited", awaiting.awaited, (OURS,), once=True),
    Measure("depth", depths.depth, (OURS,)),
    Measure("schedule", scheduling.schedule, (OURS,), once=True),
    Measure("idle", resting.idle, (OURS, OURS_ON_SQLITE), once=True),
    Measure("idle_scheduled", resting.idle_scheduled, (OURS,), once=True),
)


def chosen(names: tuple[str, ...]) -> tuple[Measure, ...]:
    """The measures of those names, in order; every one for no names.

    Raises LookupError naming the first one that there is not.
    """
    known = list(dict.fromkeys(measure.name for measure in MEASURES))
    for name in names:
        if name not in known:
            raise LookupError(f"no measure called {name!r}; there are {', '.join(known)}")
    return tuple(measure for measure in MEASURES if not names or measure.name in names)
