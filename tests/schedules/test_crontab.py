"""`crontab(...)`: the guide's schedules, dates that are rare and dates that never come."""

# ruff: noqa: DTZ001 -- a naive datetime is a wall time here

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aioqueue.schedules import crontab
from tests.schedules.brute import Five, fives, minutes_after, moments


def test_every_three_minutes() -> None:
    schedule = crontab(minute="*/3")
    due = [minute for minute in range(60) if schedule(datetime(2026, 5, 1, 12, minute, 30))]
    assert due == list(range(0, 60, 3))


def test_every_ten_minutes_in_the_morning_and_the_afternoon() -> None:
    schedule = crontab(minute="*/10", hour="9-11,16-18")
    assert schedule.next(datetime(2026, 5, 1, 11, 50)) == datetime(2026, 5, 1, 16, 0)
    assert schedule.next(datetime(2026, 5, 1, 18, 50)) == datetime(2026, 5, 2, 9, 0)
    assert not schedule(datetime(2026, 5, 1, 12, 0))


def test_without_arguments_every_minute() -> None:
    assert crontab().next(datetime(2026, 12, 31, 23, 59, 30)) == datetime(2027, 1, 1)


def test_hourly_and_daily() -> None:
    after = datetime(2026, 5, 1, 12, 30)
    assert crontab.hourly().next(after) == datetime(2026, 5, 1, 13)
    assert crontab.daily().next(after) == datetime(2026, 5, 2)
    assert crontab.daily(tz="Asia/Tokyo").next(after.replace(tzinfo=UTC)) == datetime(2026, 5, 1, 15, tzinfo=UTC)


def test_next_is_strictly_after() -> None:
    on_the_slot = datetime(2026, 5, 1, 12)
    assert crontab.hourly().next(on_the_slot) == datetime(2026, 5, 1, 13)
    assert crontab.hourly().next(on_the_slot - timedelta(microseconds=1)) == on_the_slot


def test_day_and_day_of_week_must_both_match() -> None:
    friday_the_13th = crontab(minute=0, hour=0, day=13, day_of_week="fri")
    assert friday_the_13th.next(datetime(2026, 4, 1)) == datetime(2026, 11, 13)
    assert not friday_the_13th(datetime(2026, 4, 13))
    assert not friday_the_13th(datetime(2026, 4, 10))


def test_sunday_is_0_and_7() -> None:
    sunday = datetime(2026, 5, 3)
    assert crontab(day_of_week=0)(sunday)
    assert crontab(day_of_week=7)(sunday)
    assert crontab(day_of_week="Sun")(sunday)
    assert not crontab(day_of_week="1-6")(sunday)


@pytest.mark.parametrize(
    ("schedule", "after", "slot"),
    [
        (crontab(0, 0, 29, 2), datetime(2026, 1, 1), datetime(2028, 2, 29)),
        (crontab(0, 0, 29, 2), datetime(2096, 2, 29), datetime(2104, 2, 29)),
        (crontab(0, 0, 29, 2, "mon"), datetime(2072, 2, 29), datetime(2112, 2, 29)),
        (crontab(0, 0, 31, "*/2"), datetime(2026, 8, 1), datetime(2027, 1, 31)),
        (crontab(59, 23, "30-31", "feb,dec"), datetime(2026, 12, 31, 23, 59), datetime(2027, 12, 30, 23, 59)),
    ],
)
def test_rare_dates(schedule: crontab, after: datetime, slot: datetime) -> None:
    assert schedule.next(after) == slot


@pytest.mark.parametrize(("day", "month"), [("30", "feb"), ("31", "apr,jun"), ("30-31", 2)])
def test_a_date_that_never_comes_is_refused(day: str, month: str | int) -> None:
    with pytest.raises(ValueError, match=r"^crontab\(day=.* is never due: there is no such date"):
        crontab(day=day, month=month)


def test_a_bad_piece_is_refused_where_the_schedule_is_made() -> None:
    with pytest.raises(ValueError, match="hour='9-17,25': bad piece '25'"):
        crontab(hour="9-17,25")


def test_shown_and_compared_as_written() -> None:
    schedule = crontab("*/5", hour=9, day_of_week="mon-fri", tz="Europe/Berlin")
    assert repr(schedule) == "crontab(minute='*/5', hour=9, day_of_week='mon-fri', tz='Europe/Berlin')"
    assert eval(repr(schedule)) == schedule
    assert hash(eval(repr(schedule))) == hash(schedule)
    assert schedule != crontab("*/5", hour=9, day_of_week="mon-fri")


@settings(deadline=None)
@given(fives(), st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
def test_due_as_the_numbers_say(five: Five, at: datetime) -> None:
    assert crontab(*five.texts)(at) == five.shows(at)


@settings(deadline=None, max_examples=300)
@given(fives(), moments())
def test_slots_are_those_of_brute_force(five: Five, moment: tuple[datetime, ZoneInfo]) -> None:
    after, zone = moment
    schedule = crontab(*five.texts, tz=zone)
    minutes = list(minutes_after(after, 480))
    expected = [minute for minute in minutes if five.due(minute, zone)]

    found = [schedule.next(after)]
    while found[-1] <= minutes[-1]:
        found.append(schedule.next(found[-1]))

    assert [slot.astimezone(UTC) for slot in found[:-1]] == expected
    assert all(slot.tzinfo is zone for slot in found)
    assert schedule(found[-1])
    assert all(schedule(minute) == (minute in expected) for minute in minutes[::7])


@settings(deadline=None)
@given(fives(), moments(), st.integers(-720, 720))
def test_the_zone_of_the_question_does_not_matter(five: Five, moment: tuple[datetime, ZoneInfo], minutes: int) -> None:
    after, zone = moment
    schedule = crontab(*five.texts, tz=zone)
    elsewhere = after.astimezone(timezone(timedelta(minutes=minutes)))
    slot = schedule.next(elsewhere)
    assert slot > after
    assert slot.astimezone(UTC) == schedule.next(after).astimezone(UTC)
    assert schedule(slot)
