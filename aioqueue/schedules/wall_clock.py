"""From wall times to instants where clocks are changed: an hour that happens twice, an hour that never happens.

As Debian's cron has it. Slots at fixed times fire *once*: on the first pass of an hour that happens twice, and at the
end of the gap if their hour never happens. Slots with a `*` in minute or hour go with *elapsed* time: on every pass,
and not at all in a gap, so that "every ten minutes" stays ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

WallAfter: TypeAlias = Callable[[datetime], datetime]
"""Takes a naive wall time and returns the first slot strictly after it, naive."""

_TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
# Longer than any change of the clock (a day: Apia, 2011) and shorter than the time between two.
_NEAR = timedelta(days=2)


def next_on_first_pass(zone: tzinfo, wall_after: WallAfter, after: datetime) -> datetime:
    """Return the first slot after the instant `after`, of slots that fire once whatever the clock does."""
    wall = _wall(after, zone)
    while True:
        wall = wall_after(wall)
        slot = _first_instant(wall, zone)
        if slot > after:
            return slot


def next_on_every_pass(zone: tzinfo, wall_after: WallAfter, after: datetime) -> datetime:
    """Return the first instant after `after` at which the wall clock shows a slot."""
    start = after + _TICK
    while True:
        near = start + _NEAR
        change = _change_between(start, near, zone)
        wall = _wall(start, zone)
        # Right as long as the clock is not changed before it.
        slot = start + (wall_after(wall - _TICK) - wall)
        if change is not None and slot >= change:
            start = change
        elif slot <= near:
            return slot
        else:
            start = slot - _NEAR


def _first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return when the clock first shows `wall`, or, if it never does, when it jumps over it."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(instant, zone) == wall:
        return instant
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change_between(before, instant, zone) or instant


def _change_between(earlier: datetime, later: datetime, zone: tzinfo) -> datetime | None:
    """Return the instant of the one change of the clock in (earlier, later], None if there is none."""
    offset = earlier.astimezone(zone).utcoffset()
    if later.astimezone(zone).utcoffset() == offset:
        return None
    start = earlier.replace(microsecond=0)
    same, changed = 0, -((start - later) // _SECOND)
    while changed - same > 1:
        middle = (same + changed) // 2
        if (start + middle * _SECOND).astimezone(zone).utcoffset() == offset:
            same = middle
        else:
            changed = middle
    return start + changed * _SECOND


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
