"""`cron("*/5 9-17 * * mon-fri")`: the five fields of a crontab line, read as Debian's cron reads them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Self

from cronsim import CronSim, CronSimError

from aioqueue.schedules.as_written import as_written
from aioqueue.schedules.fields import DAY, DAY_OF_WEEK, HOUR, MINUTE, MONTH
from aioqueue.schedules.timeline import Timeline
from aioqueue.schedules.wall_clock import next_on_every_pass, next_on_first_pass
from aioqueue.zones import zone_of

_FIELDS = (MINUTE, HOUR, DAY, MONTH, DAY_OF_WEEK)
_SHAPES = "'*', '*/n', 'm-n' (upwards), 'm-n/s' and lists of these"

# Any date will do: what is never due after it is never due.
_PROBE = datetime(2000, 1, 1)  # noqa: DTZ001 -- a wall time


@dataclass(frozen=True, slots=True, repr=False)
class cron:  # noqa: N801 -- its sibling is `crontab`
    """Due as a line of Debian's crontab: "minute hour day month day-of-week".

    If day and day-of-week are both restricted, *either* is enough (in `crontab` both must match); if one of them
    begins with `*`, both must match. Also read: `L` (the last day), `LW` (the last weekday), `5L` (the last Friday)
    and `mon#2` (the second Monday). Ranges do not wrap around.

    `tz` and the days on which clocks are changed are as in `crontab`. Raises ValueError, naming the piece, for what
    cannot be read, for an unknown zone and for a date that never comes.
    """

    expression: str
    tz: tzinfo | str | None = field(default=None, kw_only=True)
    _timeline: Timeline = field(init=False, compare=False)

    def __post_init__(self) -> None:
        zone = zone_of(self.tz)
        object.__setattr__(self, "tz", zone)
        object.__setattr__(self, "_timeline", _timeline(self.expression, zone or UTC))

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


def _timeline(expression: str, zone: tzinfo) -> Timeline:
    fields = _split(expression)
    parsed = _parsed(expression, fields)
    elapsing = fields[0].startswith("*") or fields[1].startswith("*")
    following = next_on_every_pass if elapsing else next_on_first_pass
    return Timeline(zone, partial(following, zone, partial(_wall_after, parsed)))


def _split(expression: str) -> list[str]:
    if not isinstance(expression, str):
        raise TypeError(f"cron({expression!r}): a str is needed, not {type(expression).__name__}")
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"cron({expression!r}) has {len(fields)} fields; needed are five: minute hour day month day_of_week"
        )
    return fields


def _parsed(expression: str, fields: list[str]) -> CronSim:
    """Return the simulator, on naive wall time: time zones are dealt with in one place for all schedules."""
    try:
        parsed = CronSim(expression, _PROBE)
        _wall_after(parsed, _PROBE)
    except (CronSimError, ValueError, StopIteration):
        raise ValueError(f"cron({expression!r}) {_complaint(fields)}") from None
    return parsed


def _complaint(fields: list[str]) -> str:
    for place, (kind, written) in enumerate(zip(_FIELDS, fields, strict=True)):
        for piece in written.split(","):
            if not _readable(piece, place):
                return f"has a bad piece {piece!r} in {kind.name}: allowed are {kind.allowed}, {_SHAPES}"
    return "is never due: there is no such date"


def _readable(piece: str, place: int) -> bool:
    alone = ["*"] * len(_FIELDS)
    alone[place] = piece
    try:
        CronSim(" ".join(alone), _PROBE)
    except (CronSimError, ValueError):
        return False
    return True


def _wall_after(parsed: CronSim, wall: datetime) -> datetime:
    search = copy(parsed)
    search.dt = wall.replace(microsecond=0)
    return next(search)
