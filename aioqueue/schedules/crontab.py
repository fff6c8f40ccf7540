"""`crontab(minute="*/5", hour="9-17")`: Huey's crontab, strict, with time zones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Self

from aioqueue.schedules.as_written import as_written
from aioqueue.schedules.fields import DAY, DAY_OF_WEEK, HOUR, MINUTE, MONTH, has_star, numbers_of
from aioqueue.schedules.timeline import Timeline
from aioqueue.schedules.wall_clock import next_on_every_pass, next_on_first_pass
from aioqueue.schedules.wall_slots import WallSlots
from aioqueue.zones import zone_of

# Any date will do: what is never due after it is never due.
_PROBE = datetime(2000, 1, 1)  # noqa: DTZ001 -- a wall time


@dataclass(frozen=True, slots=True, repr=False)
class crontab:  # noqa: N801 -- written like the function it is in Huey
    """Due in every minute that matches *all five* fields, `day` and `day_of_week` included, as in Huey.

    A field is an int or a comma-separated list of `*`, `n`, `m-n`, `*/s` and `m-n/s`. `*/s` counts from the field's
    first number. Ranges wrap around (`hour="22-2"`, `month="nov-feb"`). Months and days have names (`jan`, `mon`, in
    any case); Sunday is 0 and 7.

    `tz` is a name such as "Europe/Berlin" or a tzinfo; without one the queue's zone is used (`in_zone`), and UTC when
    nobody says. Where clocks are changed: with a `*` in `minute` or `hour`, slots go with elapsed time; otherwise each
    fires once, on the first pass of an hour that happens twice, and at the end of the gap if its hour never happens.

    Raises ValueError, naming the piece, for what cannot be read, for an unknown zone and for a date that never comes.
    """

    minute: str | int = "*"
    hour: str | int = "*"
    day: str | int = "*"
    month: str | int = "*"
    day_of_week: str | int = "*"
    tz: tzinfo | str | None = field(default=None, kw_only=True)
    _timeline: Timeline = field(init=False, compare=False)

    def __post_init__(self) -> None:
        zone = zone_of(self.tz)
        object.__setattr__(self, "tz", zone)
        object.__setattr__(self, "_timeline", self._timeline_in(zone or UTC))

    @classmethod
    def hourly(cls, *, tz: tzinfo | str | None = None) -> Self:
        """Due at every full hour."""
        return cls(minute=0, tz=tz)

    @classmethod
    def daily(cls, *, tz: tzinfo | str | None = None) -> Self:
        """Due every day at midnight."""
        return cls(minute=0, hour=0, tz=tz)

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

    def _timeline_in(self, zone: tzinfo) -> Timeline:
        slots = WallSlots(
            numbers_of(MINUTE, self.minute),
            numbers_of(HOUR, self.hour),
            numbers_of(DAY, self.day),
            numbers_of(MONTH, self.month),
            numbers_of(DAY_OF_WEEK, self.day_of_week),
        )
        self._refuse_never(slots)
        elapsing = has_star(MINUTE, self.minute) or has_star(HOUR, self.hour)
        following = next_on_every_pass if elapsing else next_on_first_pass
        return Timeline(zone, partial(following, zone, slots.after))

    def _refuse_never(self, slots: WallSlots) -> None:
        try:
            slots.after(_PROBE)
        except LookupError as error:
            raise ValueError(f"{self!r} is never due: {error}") from None
