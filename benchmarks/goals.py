"""What aioqueue set out to reach, each as a ratio within one run or as a bound of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.figures import Look, deepest_over_shallowest, ratio_of, value_of
from benchmarks.plan import THREADS
from benchmarks.roster import BARE, OURS, OURS_ON_SQLITE


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals; `figure` answers None where something it needs was not measured."""

    what: str
    sense: Literal["at least", "at most"]
    bound: float
    unit: str
    figure: Look

    def is_met(self, value: float) -> bool:
        """Whether a figure is good enough."""
        return value >= self.bound if self.sense == "at least" else value <= self.bound


_DRAIN: Final = "no-op drain, one worker process, coroutine task, concurrency 100"
_THREADED: Final = f"no-op drain, plain function, {THREADS} threads"

GOALS: Final = (
    Goal(_DRAIN, "at least", 15, "times RedisHuey, one thread", ratio_of(OURS, "drain", "huey")),
    Goal(_DRAIN, "at least", 0.5, "times the bare loop", ratio_of(OURS, "drain", BARE)),
    Goal(_THREADED, "at least", 3, "times RedisHuey with as many", ratio_of(OURS, "drain_threads", "huey")),
    Goal("round trip p50, two processes", "at most", 0.5, "times SAQ", ratio_of(OURS, "round_trip_p50", "saq")),
    Goal(
        "round trip p50, two processes",
        "at most",
        1.5,
        "times the bare round trip",
        ratio_of(OURS, "round_trip_p50", BARE),
    ),
    Goal("round trip p99", "at most", 3, "times its p50", ratio_of(OURS, "round_trip_p99", OURS, "round_trip_p50")),
    Goal("enqueue one by one", "at least", 0.8, "times the bare script", ratio_of(OURS, "enqueue_one", BARE)),
    Goal("enqueue by 100 concurrent callers", "at least", 10, "times SAQ", ratio_of(OURS, "enqueue_many", "saq")),
    Goal("`map` of 10,000", "at least", 20, "times SAQ", ratio_of(OURS, "enqueue_bulk", "saq")),
    Goal("jobs of `sleep(1)`, concurrency 1,000", "at least", 0.95, "of the ideal", value_of(OURS, "naps_share")),
    Goal("lateness p99 of a scheduled job, idle worker", "at most", 20, "ms", value_of(OURS, "lateness_p99", 1_000)),
    Goal(
        "drain with the deepest queue",
        "at least",
        0.9,
        "times that with 1,000 jobs",
        deepest_over_shallowest(OURS, "depth_{}_drain", "depths"),
    ),
    Goal(
        "worker memory with the deepest queue",
        "at most",
        1.1,
        "times that with 1,000 jobs",
        deepest_over_shallowest(OURS, "depth_{}_memory", "depths"),
    ),
    Goal(
        "enqueue into the deepest schedule",
        "at least",
        0.5,
        "times that into the shallowest",
        deepest_over_shallowest(OURS, "schedule_enqueue_{}", "schedules"),
    ),
    Goal("promotion from the deepest schedule", "at least", 50_000, "jobs/s", value_of(OURS, "schedule_promote")),
    Goal("longest pause of the loop meanwhile", "at most", 20, "ms", value_of(OURS, "schedule_pause", 1_000)),
    Goal(
        "10,000 results awaited at once",
        "at least",
        0.8,
        "times the drain",
        ratio_of(OURS, "awaited_rate", OURS, "drain"),
    ),
    Goal(
        "Python memory after the last 10,000 of these",
        "at most",
        1.05,
        "times that before",
        value_of(OURS, "awaited_growth"),
    ),
    Goal(
        "two worker processes, 1 ms of Python a job",
        "at least",
        1.6,
        "times one",
        ratio_of(OURS, "processes_2", OURS, "processes_1"),
    ),
    Goal("SQLite, no-op drain", "at least", 8, "times SqliteHuey", ratio_of(OURS_ON_SQLITE, "drain", "huey-sqlite")),
    Goal(
        "SQLite, round trip p50, two processes", "at most", 5, "ms", value_of(OURS_ON_SQLITE, "round_trip_p50", 1_000)
    ),
    Goal("drain with 1 kB of payload", "at least", 0.5, "times the bare loop", ratio_of(OURS, "payload_1000", BARE)),
    Goal(
        "drain with 100 kB of payload", "at least", 0.5, "times the bare loop", ratio_of(OURS, "payload_100000", BARE)
    ),
    Goal("idle worker, processor", "at most", 0.5, "% of a core", value_of(OURS, "idle_processor", 100)),
    Goal("idle worker, commands sent to Redis", "at most", 1, "a second", value_of(OURS, "idle_sent")),
    Goal(
        "the same with the deepest schedule, none due", "at most", 1, "a second", value_of(OURS, "idle_scheduled_sent")
    ),
    Goal(
        "idle worker on SQLite, processor", "at most", 1, "% of a core", value_of(OURS_ON_SQLITE, "idle_processor", 100)
    ),
    Goal(
        "memory of a worker at rest",
        "at most",
        1.2,
        "times huey's consumer",
        ratio_of(OURS, "round_trip_memory", "huey"),
    ),
    Goal("Redis memory of a queued job, beyond its payload", "at most", 160, "bytes", value_of(OURS, "stored_beyond")),
    Goal("`import aioqueue`, above Python's start", "at most", 60, "ms", value_of(OURS, "startup_import", 1_000)),
    Goal("`aioqueue --help`, above Python's start", "at most", 120, "ms", value_of(OURS, "startup_help", 1_000)),
    Goal(
        "worker ready to claim, above Python's start",
        "at most",
        1.3,
        "times importing redis.asyncio, uvloop and msgspec",
        ratio_of(OURS, "startup_ready", OURS, "startup_libraries"),
    ),
)
