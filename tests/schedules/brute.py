"""What schedules ought to answer, found the slow way: minute by minute, from numbers rather than text."""

# ruff: noqa: DTZ001 -- a naive datetime is a wall time here

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)

# An hour, half an hour (Lord Howe), midnight itself (São Paulo, Beirut), a whole day (Apia), a quarter (Kathmandu).
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
)


@dataclass(frozen=True)
class Written:
    """A field as text, and the numbers it stands for."""

    text: str
    numbers: frozenset[int] = field(repr=False)

    @property
    def star(self) -> bool:
        return any(piece.startswith("*") for piece in self.text.split(","))


@dataclass(frozen=True)
class Five:
    """All five fields; `either` joins day and day of week by or."""

    minute: Written
    hour: Written
    day: Written
    month: Written
    day_of_week: Written

    @property
    def texts(self) -> tuple[str, str, str, str, str]:
        return self.minute.text, self.hour.text, self.day.text, self.month.text, self.day_of_week.text

    @property
    def elapsing(self) -> bool:
        return self.minute.star or self.hour.star

    def shows(self, wall: datetime, *, days: Literal["both", "either"] = "both") -> bool:
        on_day = wall.day in self.day.numbers
        on_weekday = (wall.weekday() + 1) % 7 in self.day_of_week.numbers
        return (
            wall.minute in self.minute.numbers
            and wall.hour in self.hour.numbers
            and wall.month in self.month.numbers
            and (on_day and on_weekday if days == "both" else on_day or on_weekday)
        )

    def due(self, minute: datetime, zone: tzinfo, *, days: Literal["both", "either"] = "both") -> bool:
        """Tell whether the minute that begins at this instant is a slot."""
        wall = minute.astimezone(zone)
        here = self.shows(wall, days=days)
        if self.elapsing:
            return here
        return (here and wall.fold == 0) or any(self.shows(lost, days=days) for lost in _jumped_over(minute, zone))


def _jumped_over(minute: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield the wall minutes that the clock leaves out just before this instant."""
    wall = minute.astimezone(zone).replace(tzinfo=None)
    lost = (minute - MINUTE).astimezone(zone).replace(tzinfo=None) + MINUTE
    while lost < wall:
        yield lost
        lost += MINUTE


def minutes_after(after: datetime, count: int) -> Iterator[datetime]:
    """Yield the beginnings of the minutes strictly after an instant."""
    first = after.replace(second=0, microsecond=0) + MINUTE
    return (first + n * MINUTE for n in range(count))


@cache
def clock_changes(name: str) -> list[datetime]:
    """Return the minutes in which the zone's offset changes, from 1980 to 2040."""
    zone, start = ZoneInfo(name), datetime(1980, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=n) for n in range(60 * 365)]
    return [
        _change_within(earlier, later, zone)
        for earlier, later in pairwise(days)
        if earlier.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset()
    ]


def _change_within(earlier: datetime, later: datetime, zone: tzinfo) -> datetime:
    before = earlier.astimezone(zone).utcoffset()
    return next(m for m in minutes_after(earlier, 1441) if m.astimezone(zone).utcoffset() != before)


@st.composite
def pieces(draw: st.DrawFn, low: int, high: int, *, wraps: bool) -> Written:
    """Draw `n`, `m-n` or `m-n/s`."""
    first, last = draw(st.integers(low, high)), draw(st.integers(low, high))
    shape = draw(st.sampled_from(["one", "range", "stepped"]))
    if shape == "one" or first == last:
        return Written(str(first), frozenset({first}))
    if first > last and not wraps:
        first, last = last, first
    around = list(range(first, last + 1)) if first < last else [*range(first, high + 1), *range(low, last + 1)]
    if shape == "range":
        return Written(f"{first}-{last}", frozenset(around))
    step = draw(st.integers(1, high - low + 1))
    return Written(f"{first}-{last}/{step}", frozenset(around[::step]))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, *, wraps: bool = True) -> Written:
    """Draw a whole field: `*`, `*/s` or a list of pieces."""
    step = draw(st.sampled_from([0, 0, 1, 1, 2, 3, 5]))
    if step:
        text = "*" if step == 1 else f"*/{step}"
        return Written(text, frozenset(range(low, high + 1, step)))
    drawn = draw(st.lists(pieces(low, high, wraps=wraps), min_size=1, max_size=3))
    return Written(",".join(one.text for one in drawn), frozenset().union(*(one.numbers for one in drawn)))


STAR = {name: Written("*", frozenset(range(low, high + 1))) for name, low, high in [("day", 1, 31), ("weekday", 0, 6)]}


@st.composite
def fives(draw: st.DrawFn, *, wraps: bool = True, one_kind_of_day: bool = False) -> Five:
    """Draw five fields that are due now and then (months other than February have their 31st often enough)."""
    day, weekday = draw(fields(1, 31, wraps=wraps)), draw(fields(0, 6, wraps=wraps))
    if one_kind_of_day or min(day.numbers) > 28:
        day, weekday = draw(st.sampled_from([(STAR["day"], weekday), (day, STAR["weekday"])]))
    month = draw(st.one_of(st.just(Written("*", frozenset(range(1, 13)))), fields(1, 12, wraps=wraps)))
    if min(day.numbers) > 29:
        month = Written("*", frozenset(range(1, 13)))
    return Five(draw(fields(0, 59, wraps=wraps)), draw(fields(0, 23, wraps=wraps)), day, month, weekday)


@st.composite
def moments(draw: st.DrawFn, names: tuple[str, ...] = ZONES) -> tuple[datetime, ZoneInfo]:
    """Draw an instant and a zone; half of them within hours of a change of that zone's clock."""
    name = draw(st.sampled_from(names))
    anywhere = st.datetimes(datetime(1980, 1, 1), datetime(2120, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
    nearby = st.builds(
        lambda change, minutes, seconds: change + timedelta(minutes=minutes, seconds=seconds),
        st.sampled_from(clock_changes(name)),
        st.integers(-240, 120),
        st.sampled_from([0, 0, 1, 59.999999]),
    )
    return draw(st.one_of(anywhere, nearby)), ZoneInfo(name)
