"""`cron("...")`: five fields, as Debian's cron has them."""

# ruff: noqa: DTZ001 -- a naive datetime is a wall time here

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aioqueue.schedules import cron, crontab
from tests.schedules.brute import Five, fives, minutes_after, moments


def test_office_hours() -> None:
    schedule = cron("*/5 9-17 * * mon-fri", tz="Europe/Berlin")
    friday_evening = datetime(2026, 5, 1, 17, 55, tzinfo=ZoneInfo("Europe/Berlin"))
    assert schedule(friday_evening)
    assert schedule.next(friday_evening).isoformat() == "2026-05-04T09:00:00+02:00"


def test_either_kind_of_day_is_enough() -> None:
    schedule = cron("0 0 13 * fri")
    assert schedule.next(datetime(2026, 4, 1)) == datetime(2026, 4, 3)
    assert schedule.next(datetime(2026, 4, 10)) == datetime(2026, 4, 13)


def test_both_are_needed_if_one_begins_with_a_star() -> None:
    assert cron("0 0 */2 * fri").next(datetime(2026, 4, 1)) == datetime(2026, 4, 3)
    assert cron("0 0 */2 * fri").next(datetime(2026, 4, 3)) == datetime(2026, 4, 17)


@pytest.mark.parametrize(
    ("expression", "slot"),
    [
        ("0 0 L * *", datetime(2026, 5, 31)),
        ("0 0 LW * *", datetime(2026, 5, 29)),
        ("0 0 * * 5L", datetime(2026, 5, 29)),
        ("0 0 * * mon#2", datetime(2026, 5, 11)),
    ],
)
def test_last_and_nth_days(expression: str, slot: datetime) -> None:
    assert cron(expression).next(datetime(2026, 5, 2)) == slot


def test_leap_days() -> None:
    assert cron("0 0 29 2 *").next(datetime(2096, 2, 29)) == datetime(2104, 2, 29)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("60 * * * *", "bad piece '60' in minute: allowed are 0-59"),
        ("0 9,25 * * *", "bad piece '25' in hour: allowed are 0-23"),
        ("0 22-2 * * *", "bad piece '22-2' in hour"),
        ("0 0 32 * *", "bad piece '32' in day: allowed are 1-31"),
        ("0 0 * foo *", "bad piece 'foo' in month: allowed are 1-12 or jan"),
        ("0 0 * * 1,funday", "bad piece 'funday' in day_of_week: allowed are 0-7 or sun"),
        ("*/0 * * * *", "bad piece '*/0' in minute"),
        ("1,,2 * * * *", "bad piece '' in minute"),
        ("9" * 5_000 + " * * * *", "in minute: allowed are 0-59"),
        ("0 0 30 2 *", "is never due: there is no such date"),
        ("0 0 31 4,6 */2", "is never due: there is no such date"),
        ("0 0 LW * */7", "is never due: there is no such date"),
        ("* * * *", "has 4 fields; needed are five: minute hour day month day_of_week"),
        ("0 * * * * *", "has 6 fields"),
        ("", "has 0 fields"),
    ],
)
def test_what_is_refused_is_named(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        cron(expression)
    assert complaint in str(refused.value)


def test_not_text() -> None:
    with pytest.raises(TypeError, match="a str is needed, not int"):
        cron(5)  # type: ignore[arg-type]


def test_shown_and_compared_as_written() -> None:
    schedule = cron("0 9 * * *", tz="Europe/Berlin")
    assert repr(schedule) == "cron('0 9 * * *', tz='Europe/Berlin')"
    assert eval(repr(schedule)) == schedule
    assert schedule != cron("0 9 * * *")


@given(st.text(alphabet="0123456789*/-,#LWmonja \t", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        schedule = cron(text)
    except ValueError:
        return
    assert schedule(schedule.next(datetime(2026, 5, 1)))


@settings(deadline=None, max_examples=200)
@given(fives(wraps=False), moments())
def test_slots_are_those_of_brute_force(five: Five, moment: tuple[datetime, ZoneInfo]) -> None:
    after, zone = moment
    day, weekday = five.day.text, five.day_of_week.text
    days: Literal["both", "either"] = "both" if day.startswith("*") or weekday.startswith("*") else "either"
    schedule = cron(" ".join(five.texts), tz=zone)
    minutes = list(minutes_after(after, 480))

    found = [schedule.next(after)]
    while found[-1] <= minutes[-1]:
        found.append(schedule.next(found[-1]))

    expected = [minute for minute in minutes if five.due(minute, zone, days=days)]
    assert [slot.astimezone(UTC) for slot in found[:-1]] == expected


@settings(deadline=None)
@given(fives(wraps=False, one_kind_of_day=True), moments())
def test_agrees_with_crontab_where_one_kind_of_day_is_restricted(five: Five, moment: tuple[datetime, ZoneInfo]) -> None:
    after, zone = moment
    assert cron(" ".join(five.texts), tz=zone).next(after) == crontab(*five.texts, tz=zone).next(after)


@settings(deadline=None)
@given(fives(wraps=False), moments(("Europe/Berlin", "America/New_York")))
def test_agrees_with_cronsim(five: Five, moment: tuple[datetime, ZoneInfo]) -> None:
    """In zones that change by whole hours: in others cronsim's steps of an hour pass over slots."""
    after, zone = moment
    assume(after.astimezone(zone).fold == 0)  # from the second pass it answers with the first, which is over
    expression = " ".join(five.texts)
    theirs = next(CronSim(expression, after.astimezone(zone)))
    assert cron(expression, tz=zone).next(after).astimezone(UTC) == theirs.astimezone(UTC)
