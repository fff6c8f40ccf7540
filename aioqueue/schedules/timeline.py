"""Slots as the outside sees them: asked in UTC, answered as the question was put."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_TICK = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A zone and a row of slots: `slot_after` takes an instant and returns the first slot strictly after it, in UTC."""

    zone: tzinfo
    slot_after: Callable[[datetime], datetime]

    def next(self, after: datetime) -> datetime:
        """Return the first slot after `after`, in the zone; naive if `after` is, with `fold` set on the second pass.

        A naive `after` is a wall time of the zone, the first of two unless its `fold` is 1.
        """
        slot = self.slot_after(self._instant(after)).astimezone(self.zone)
        return slot.replace(tzinfo=None) if after.utcoffset() is None else slot

    def due(self, at: datetime) -> bool:
        """Tell whether a slot falls into the minute of `at`, as the zone's clock counts minutes."""
        wall = self._instant(at).astimezone(self.zone)
        minute = wall.replace(second=0, microsecond=0).astimezone(UTC)
        return self.slot_after(minute - _TICK) < minute + _MINUTE

    def _instant(self, at: datetime) -> datetime:
        if not isinstance(at, datetime):
            raise TypeError(f"a schedule is asked about a datetime, not {at!r}")
        known = at.replace(tzinfo=self.zone) if at.utcoffset() is None else at
        return known.astimezone(UTC)
