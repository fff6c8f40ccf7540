"""How much of everything a run measures."""

from __future__ import annotations

from dataclasses import dataclass

CALLERS = 100
THREADS = 8
BULK = 10_000
AWAITED = 10_000


@dataclass(frozen=True)
class Plan:
    """How much is asked of each measure.

    `jobs` times a peer's factor are drained; `bulk_calls` store ten thousand each; a round trip is made of at most
    `calls` in `call_seconds`; `payloads` are bytes and jobs. The others are aioqueue's alone: `depths` of the queue,
    `schedules` of the schedule, `naps` of a second, `burns` of a millisecond, `starts` of each command,
    `feature_turns` of `feature_jobs` with each feature.
    """

    jobs: int
    rounds: int
    bulk_calls: int
    calls: int
    call_seconds: float
    payloads: tuple[tuple[int, int], ...]
    depths: tuple[int, ...]
    shallow_drains: int
    schedules: tuple[int, ...]
    concurrencies: tuple[int, ...]
    processes: tuple[int, ...]
    naps: int
    burns: int
    awaited_times: int
    stored_jobs: int
    idle_seconds: float
    late_jobs: int
    starts: int
    feature_jobs: int
    feature_turns: int


def full(jobs: int, rounds: int, depth: int) -> Plan:
    """What the committed table is made of."""
    return Plan(
        jobs=jobs,
        rounds=rounds,
        bulk_calls=5,
        calls=2_000,
        call_seconds=5.0,
        payloads=((1_000, 20_000), (10_000, 10_000), (100_000, 2_000)),
        depths=_up_to(depth, (1_000, 10_000, 100_000, 1_000_000)),
        shallow_drains=9,
        schedules=_up_to(depth, (10_000, 100_000, 1_000_000)),
        concurrencies=(1, 3, 10, 30, 100, 300, 1_000),
        processes=(1, 2, 4),
        naps=20_000,
        burns=10_000,
        awaited_times=5,
        stored_jobs=100_000,
        idle_seconds=30.0,
        late_jobs=200,
        starts=20,
        feature_jobs=20_000,
        feature_turns=2,
    )


def quick() -> Plan:
    """One small round of everything."""
    return Plan(
        jobs=500,
        rounds=1,
        bulk_calls=1,
        calls=100,
        call_seconds=2.0,
        payloads=((1_000, 1_000), (10_000, 500), (100_000, 200)),
        depths=(1_000, 10_000),
        shallow_drains=1,
        schedules=(1_000, 10_000),
        concurrencies=(1, 100),
        processes=(1, 2),
        naps=1_000,
        burns=500,
        awaited_times=2,
        stored_jobs=10_000,
        idle_seconds=5.0,
        late_jobs=20,
        starts=3,
        feature_jobs=1_000,
        feature_turns=1,
    )


def _up_to(most: int, steps: tuple[int, ...]) -> tuple[int, ...]:
    return (*(step for step in steps if step < most), *((most,) if most else ()))
