"""A schedule with so many slots and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

_A_LIFETIME: Final = timedelta(days=36_525)


class Beats(Struct, frozen=True):
    """`count` slots, `step_ms` milliseconds apart, the first at the Unix time `first`; none after within a lifetime."""

    first: int
    step_ms: int
    count: int

    def slot(self, n: int) -> datetime:
        """Return the n-th slot, from 0."""
        return datetime.fromtimestamp(self.first, UTC) + n * timedelta(milliseconds=self.step_ms)

    def next(self, after: datetime, /) -> datetime:
        """Return the first slot strictly after `after`."""
        n = max(0, (after - self.slot(0)) // timedelta(milliseconds=self.step_ms) + 1)
        return self.slot(n) if n < self.count else after + _A_LIFETIME

    def __call__(self, at: datetime, /) -> bool:
        """Tell whether a slot falls into the minute of `at`."""
        minute = at.replace(second=0, microsecond=0)
        return self.next(minute - timedelta(microseconds=1)) < minute + timedelta(minutes=1)
