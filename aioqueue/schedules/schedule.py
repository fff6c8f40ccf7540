"""The contract of a schedule: what `queue.periodic_task` needs to know of one."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Schedule(Protocol):
    """An endless row of slots, each an instant in UTC.

    The answers depend on nothing but the argument: two workers that ask the same question hear the same slot, which
    is what lets each slot fire once.
    """

    def __call__(self, at: datetime, /) -> bool:
        """Tell whether a slot falls into the minute of `at`."""
        ...

    def next(self, after: datetime, /) -> datetime:
        """Return the first slot strictly after `after`: aware for an aware one, naive for a naive one."""
        ...
