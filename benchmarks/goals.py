"""What aioqueue set out to reach, each as a ratio within one run or as a bound of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

from benchmarks.roster import OURS, OURS_ON_SQLITE

Results = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure over the rounds: the ratio or value of the medians, and the lowest and highest of a single round."""

    value: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals; `figure` answers None where something it needs was not measured."""

    what: str
    sense: Literal["at least", "at most"]
    bound: float
    unit: str
    figure: Callable[[Results], Figure | None]

    def is_met(self, value: float) -> bool:
        """Whether a figure is good enough."""
        return value >= self.bound if self.sense == "at least" else value <= self.bound


def rounds(results: Results, peer: str, measure: str) -> list[float]:
    """What each round found; nothing for a peer that did not take part or failed."""
    found: list[float] = results["peers"].get(peer, {}).get("rounds", {}).get(measure, [])
    return found


def value_of(peer: str, measure: str, scale: float = 1.0) -> Callable[[Results], Figure | None]:
    """The figure itself."""

    def look(results: Results) -> Figure | None:
        found = [figure * scale for figure in rounds(results, peer, measure)]
        return Figure(median(found), min(found), max(found)) if found else None

    return look


def ratio_of(ours: str, theirs: str, measure: str) -> Callable[[Results], Figure | None]:
    """The figure of one peer over that of another; lowest and highest pair the figures of the same round."""

    def look(results: Results) -> Figure | None:
        above, below = rounds(results, ours, measure), rounds(results, theirs, measure)
        if not above or not below:
            return None
        paired = [high / low for high, low in zip(above, below, strict=False)]
        return Figure(median(above) / median(below), min(paired), max(paired))

    return look


def growth_with_depth(measure: str) -> Callable[[Results], Figure | None]:
    """A figure of aioqueue's with the deepest queue over the same with the shallowest."""

    def look(results: Results) -> Figure | None:
        found = [rounds(results, OURS, f"depth_{depth}_{measure}") for depth in results["depths"]]
        if len(found) < 2 or not all(found):
            return None
        ratio = median(found[-1]) / median(found[0])
        return Figure(ratio, ratio, ratio)

    return look


_DRAIN = ratio_of(OURS, "huey", "drain")
_ROUND_TRIP = ratio_of(OURS, "saq", "round_trip_p50")
_ENQUEUE = ratio_of(OURS, "saq", "enqueue_many")
_SQLITE_DRAIN = ratio_of(OURS_ON_SQLITE, "huey-sqlite", "drain")
_SQLITE_ROUND_TRIP = value_of(OURS_ON_SQLITE, "round_trip_p50", 1_000)
_LATENESS = value_of(OURS, "lateness_p99", 1_000)
_SCHEDULED = value_of(OURS, "idle_scheduled_sent")

GOALS: Final = (
    Goal("Redis, no-op drain, one worker process", "at least", 10, "times RedisHuey, one thread", _DRAIN),
    Goal("Redis, round trip p50, two processes", "at most", 0.6, "times SAQ", _ROUND_TRIP),
    Goal("Redis, enqueue by 100 concurrent callers", "at least", 5, "times SAQ", _ENQUEUE),
    Goal("SQLite, no-op drain", "at least", 5, "times SqliteHuey", _SQLITE_DRAIN),
    Goal("SQLite, round trip p50, two processes", "at most", 10, "ms", _SQLITE_ROUND_TRIP),
    Goal("lateness p99 of a scheduled job, idle Redis worker", "at most", 20, "ms", _LATENESS),
    Goal("commands an idle worker sends to Redis", "at most", 1, "a second", value_of(OURS, "idle_sent")),
    Goal("the same with the deepest schedule, nothing due", "at most", 1, "a second", _SCHEDULED),
    Goal("worker memory with a deep queue", "at most", 1.1, "times that with 1,000 jobs", growth_with_depth("memory")),
)
