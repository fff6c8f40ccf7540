"""The wall times that five lists of numbers stand for, found without stepping through minutes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

# Of all dates a 29 February on a given weekday is the rarest: every 28 years, 40 across a year like 2100.
_RAREST = 41


@dataclass(frozen=True, slots=True)
class WallSlots:
    """Minutes that match all five fields; each field sorted and not empty, Sunday is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def after(self, wall: datetime) -> datetime:
        """Return the first slot strictly after the naive `wall`. Raises LookupError if there is none, ever."""
        earliest = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)
        today = earliest.date()
        day = self._date_from(today)
        if day == today:
            later_today = self._time_from(earliest.hour, earliest.minute)
            if later_today is not None:
                return datetime.combine(day, later_today)
            day = self._date_from(today + timedelta(days=1))
        return datetime.combine(day, time(self.hours[0], self.minutes[0]))

    def _time_from(self, hour: int, minute: int) -> time | None:
        if hour in self.hours:
            place = bisect_left(self.minutes, minute)
            if place < len(self.minutes):
                return time(hour, self.minutes[place])
        place = bisect_right(self.hours, hour)
        return time(self.hours[place], self.minutes[0]) if place < len(self.hours) else None

    def _date_from(self, first: date) -> date:
        for start in self._months_from(first):
            length = monthrange(start.year, start.month)[1]
            for day in self.days[bisect_left(self.days, start.day) : bisect_right(self.days, length)]:
                found = start.replace(day=day)
                if found.isoweekday() % 7 in self.weekdays:
                    return found
        raise LookupError("there is no such date")

    def _months_from(self, first: date) -> Iterator[date]:
        """Yield the first day to look at in each month that matches."""
        if first.month in self.months:
            yield first
        for month in self.months[bisect_right(self.months, first.month) :]:
            yield date(first.year, month, 1)
        for year in range(first.year + 1, first.year + _RAREST):
            for month in self.months:
                yield date(year, month, 1)
