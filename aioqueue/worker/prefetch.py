"""How many jobs to claim ahead of free slots."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 1.0
_SHORT: Final = 0.1


class Prefetch:
    """Allows as many as short bodies have earned, up to one a slot.

    Claiming ahead hides the round trip when bodies take less than 0.1 s. Where they take longer it would only keep jobs
    from other workers: a body that took longer takes one away, and jobs that had to be released take all.
    """

    def __init__(self, slots: int) -> None:
        self.allowed = 0
        self._slots = slots

    def body_ended(self, seconds: float) -> None:
        """Learn from a body that took `seconds`."""
        if seconds >= _SHORT:
            self.allowed = max(self.allowed - 1, 0)
        elif self.allowed < self._slots:
            self.allowed += 1

    def punish(self) -> None:
        """Learn that jobs waited here for longer than `PATIENCE` seconds."""
        self.allowed = 0
