"""Which zone a schedule is read in, and which it answers in."""

# ruff: noqa: DTZ001 -- a naive datetime is a wall time here

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from aioqueue.schedules import Schedule, cron, crontab, every

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("tz", ["Europe/Berlin", BERLIN])
@pytest.mark.parametrize("make", [lambda tz: crontab(0, 9, tz=tz), lambda tz: cron("0 9 * * *", tz=tz)])
def test_aware_in_aware_out_in_the_zone(make: Callable[[str | tzinfo], Schedule], tz: str | tzinfo) -> None:
    slot = make(tz).next(datetime(2026, 7, 1, 6, 0, tzinfo=UTC))
    assert slot.isoformat() == "2026-07-01T09:00:00+02:00"
    assert slot.tzinfo is BERLIN


@pytest.mark.parametrize("schedule", [crontab(0, 9, tz=BERLIN), cron("0 9 * * *", tz=BERLIN)])
def test_naive_in_naive_out_as_wall_time(schedule: Schedule) -> None:
    assert schedule.next(datetime(2026, 7, 1, 6, 0)) == datetime(2026, 7, 1, 9, 0)
    assert schedule(datetime(2026, 7, 1, 9, 0, 59))
    assert schedule(datetime(2026, 7, 1, 7, 0, 59, tzinfo=UTC))
    assert not schedule(datetime(2026, 7, 1, 9, 0, tzinfo=UTC))


@pytest.mark.parametrize("schedule", [crontab(0, 9), cron("0 9 * * *"), every(days=1)])
def test_utc_when_nobody_says(schedule: Schedule) -> None:
    slot = schedule.next(datetime(2026, 7, 1, 8, 0, tzinfo=BERLIN))
    assert slot.utcoffset() == timedelta(0)
    assert schedule.next(datetime(2026, 7, 1, 6, 0)) == slot.replace(tzinfo=None)


@pytest.mark.parametrize("schedule", [crontab(0, 9), cron("0 9 * * *")])
def test_in_zone_gives_a_zone_to_a_schedule_without_one(schedule: crontab | cron) -> None:
    bound = schedule.in_zone("Europe/Berlin")
    assert bound.next(datetime(2026, 7, 1, 6, 0, tzinfo=UTC)).isoformat() == "2026-07-01T09:00:00+02:00"
    assert schedule.next(datetime(2026, 7, 1, 6, 0, tzinfo=UTC)).isoformat() == "2026-07-01T09:00:00+00:00"
    assert bound.in_zone("Asia/Tokyo") is bound


def test_an_interval_has_the_same_slots_in_every_zone() -> None:
    daily, after = every(days=1), datetime(2026, 7, 1, 6, 0, tzinfo=UTC)
    assert daily.in_zone(BERLIN).next(after).isoformat() == "2026-07-02T02:00:00+02:00"
    assert daily.in_zone(BERLIN).next(after) == daily.next(after)
    assert daily.in_zone(BERLIN).next(datetime(2026, 7, 1, 8, 0)) == datetime(2026, 7, 2, 2, 0)


def test_fixed_offsets() -> None:
    slot = crontab(0, 9, tz=timezone(timedelta(hours=5, minutes=45))).next(datetime(2026, 7, 1, tzinfo=UTC))
    assert slot.astimezone(UTC) == datetime(2026, 7, 1, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize("tz", ["Europe/Atlantis", "Europe", "", "../etc/passwd", "CEST+", "/etc/passwd", "a\0b"])
@pytest.mark.parametrize("make", [crontab, lambda tz: cron("* * * * *", tz=tz), lambda tz: every(days=1, tz=tz)])
def test_an_unknown_zone_is_named(make: Callable[..., Schedule], tz: str) -> None:
    with pytest.raises(ValueError) as refused:
        make(tz=tz)
    assert f"tz={tz!r} is not in the time zone database" in str(refused.value)


def test_neither_name_nor_zone() -> None:
    with pytest.raises(TypeError, match="the name of a time zone or a tzinfo is needed, not int"):
        crontab(tz=2)  # type: ignore[arg-type]


class MeanTime(tzinfo):
    """As pytz does it: in a datetime it is the town's mean time, only `fromutc` knows the real offset."""

    def utcoffset(self, at: datetime | None) -> timedelta:
        return timedelta(minutes=53)

    def dst(self, at: datetime | None) -> timedelta | None:
        return None

    def tzname(self, at: datetime | None) -> str:
        return "LMT"

    def fromutc(self, at: datetime) -> datetime:
        return (at + timedelta(hours=2)).replace(tzinfo=timezone(timedelta(hours=2)))


def test_a_zone_that_misreads_wall_times_is_refused() -> None:
    with pytest.raises(ValueError, match=r"use zoneinfo\.ZoneInfo"):
        crontab(tz=MeanTime())
