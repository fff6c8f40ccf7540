"""Jobs that were given up, as applications see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up: its id, its task's name, why, and when (Unix seconds)."""

    id: str
    task: str
    reason: str
    died_at: float
