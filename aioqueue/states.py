"""The states of a job and the only moves between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    """Where a job is in its life; `UNKNOWN` means the store has never heard of it or has forgotten it."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


TERMINAL: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})

# The verb of each move is the driver operation that makes it. What is not here is forbidden on every driver.
MOVES: Final[dict[JobState, dict[JobState, frozenset[str]]]] = {
    JobState.UNKNOWN: {
        JobState.QUEUED: frozenset({"enqueue"}),
        JobState.SCHEDULED: frozenset({"enqueue"}),
    },
    JobState.SCHEDULED: {
        JobState.QUEUED: frozenset({"promote"}),
        JobState.SCHEDULED: frozenset({"reschedule"}),
        JobState.CANCELLED: frozenset({"cancel"}),
    },
    JobState.QUEUED: {
        JobState.RUNNING: frozenset({"claim"}),
        JobState.CANCELLED: frozenset({"cancel"}),
    },
    JobState.RUNNING: {
        JobState.SUCCEEDED: frozenset({"settle"}),
        JobState.FAILED: frozenset({"settle"}),
        JobState.CANCELLED: frozenset({"settle", "release", "reap"}),  # the latter if someone asked for it
        JobState.EXPIRED: frozenset({"settle"}),
        JobState.QUEUED: frozenset({"settle", "release", "reap"}),
        JobState.SCHEDULED: frozenset({"settle"}),
    },
}


def may_move(verb: str, before: JobState, after: JobState) -> bool:
    """Tell whether `verb` may take a job from `before` to `after`.

    A terminal state never changes, except that the store forgets it after its ttl.
    """
    if before in TERMINAL:
        return after is JobState.UNKNOWN
    return verb in MOVES[before].get(after, frozenset())
