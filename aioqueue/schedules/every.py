"""`every(minutes=5)`: a fixed interval, counted from the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial, wraps
from typing import Any, Self, TypeVar

from aioqueue.schedules.as_written import as_written
from aioqueue.schedules.timeline import Timeline
from aioqueue.zones import zone_of

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(seconds=0.1)
_LONGEST = timedelta(days=36_525)


def _by_name_only(schedule: type[T]) -> type[T]:
    """Say of an argument without a name what is wrong with it, which Python does in terms of `__init__`."""
    init: Callable[..., None] = vars(schedule)["__init__"]

    @wraps(init)
    def checked(self: object, *unnamed: object, **named: Any) -> None:
        if unnamed:
            raise TypeError("every() takes keyword arguments, such as every(seconds=5)")
        init(self, **named)

    setattr(schedule, "__init__", checked)  # noqa: B010 -- checkers would not have it otherwise
    return schedule


@_by_name_only
@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class every:  # noqa: N801 -- its sibling is `crontab`
    """Due at every multiple of the interval since 1970-01-01T00:00Z, so that all workers count the same slots.

    The parts are added up and may be fractions: a tenth of a second at least, a century at most, to the microsecond.
    Clocks that are changed do not matter: a day is 24 hours, and `weeks=1` is Thursday, midnight UTC. `tz` only says
    which wall time a naive datetime is, and in which zone `next` answers. Raises TypeError and
    ValueError, naming the argument.
    """

    weeks: float = 0
    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0
    tz: tzinfo | str | None = None
    _timeline: Timeline = field(init=False, compare=False)

    def __post_init__(self) -> None:
        zone = zone_of(self.tz)
        object.__setattr__(self, "tz", zone)
        object.__setattr__(self, "_timeline", Timeline(zone or UTC, partial(_slot_after, self._interval())))

    def __call__(self, at: datetime, /) -> bool:
        """Tell whether a slot falls into the minute of `at`; a naive `at` is a wall time of the zone."""
        return self._timeline.due(at)

    def next(self, after: datetime, /) -> datetime:
        """Return the first slot strictly after `after`, in the zone; naive in, naive out."""
        return self._timeline.next(after)

    def in_zone(self, tz: tzinfo | str) -> Self:
        """Return this schedule in `tz`, unless it has a zone of its own."""
        return self if self.tz is not None else replace(self, tz=tz)

    def __repr__(self) -> str:
        return as_written(self)

    def _interval(self) -> timedelta:
        parts = {
            "weeks": self.weeks,
            "days": self.days,
            "hours": self.hours,
            "minutes": self.minutes,
            "seconds": self.seconds,
        }
        for name, value in parts.items():
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise TypeError(f"every({name}={value!r}): a number is needed")
            if not 0 <= value < math.inf:
                raise ValueError(f"every({name}={value!r}): a positive number is needed")
        if not any(parts.values()):
            raise ValueError("every() needs an interval, such as every(minutes=5)")
        return _checked(self, parts)


def _checked(schedule: every, parts: dict[str, float]) -> timedelta:
    try:
        interval = timedelta(**parts)
    except OverflowError:
        interval = timedelta.max
    if not _SHORTEST <= interval <= _LONGEST:
        raise ValueError(f"{schedule!r}: an interval is 0.1 seconds at least and {_LONGEST.days} days at most")
    return interval


def _slot_after(interval: timedelta, after: datetime) -> datetime:
    return _EPOCH + ((after - _EPOCH) // interval + 1) * interval
