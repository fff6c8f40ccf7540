"""How many jobs an incarnation takes into its hands."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 1.0
_SHORT: Final = 0.1


class Appetite:
    """Starts at one job a slot; short bodies raise it up to two, which hides the round trip of the next claim.

    Longer bodies bring it back to one a slot. Jobs that waited here for longer than `PATIENCE` seconds bring it down to
    what was running: they were kept from other workers for nothing. From there each body that ends raises it again.
    """

    def __init__(self, slots: int) -> None:
        self.limit: int = slots
        self._slots = slots

    def body_ended(self, seconds: float) -> None:
        """Learn from a body that took `seconds`."""
        if seconds < _SHORT:
            self.limit = min(self.limit + 1, 2 * self._slots)
        elif self.limit > self._slots:
            self.limit -= 1
        elif self.limit < self._slots:
            self.limit += 1

    def punish(self, running: int) -> None:
        """Learn that jobs waited here in vain while `running` bodies ran."""
        self.limit = max(running, 1)
