"""How much of everything a run measures."""

from __future__ import annotations

from dataclasses import dataclass

CALLERS = 100


@dataclass(frozen=True)
class Plan:
    """`jobs` a measure, `calls` at most for a round trip and `call_seconds` at most, `depths` of the deep queue,
    `late_jobs` scheduled to see how late they begin, and `starts` of each command to see how long it takes."""

    jobs: int
    rounds: int
    calls: int
    call_seconds: float
    idle_seconds: float
    depths: tuple[int, ...]
    late_jobs: int = 200
    starts: int = 20


def full(jobs: int, rounds: int, depth: int) -> Plan:
    """What the committed table is made of."""
    depths = (1_000, depth) if depth else ()
    return Plan(jobs=jobs, rounds=rounds, calls=2_000, call_seconds=5.0, idle_seconds=30.0, depths=depths)


def quick() -> Plan:
    """One small round of everything."""
    return Plan(
        jobs=500,
        rounds=1,
        calls=100,
        call_seconds=2.0,
        idle_seconds=5.0,
        depths=(1_000, 10_000),
        late_jobs=20,
        starts=3,
    )
