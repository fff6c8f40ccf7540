"""The hour that happens twice and the hour that never happens, by example; the rest is left to brute force."""

# ruff: noqa: DTZ001 -- a naive datetime is a wall time here

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from aioqueue.schedules import Schedule, cron, crontab, every

# Zone, the hours (UTC) around the change, fixed times in the gap or in both passes, and the slots as the clock shows.
GAPS = [
    ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T03:00:00+02:00"),
    ("America/New_York", "2026-03-08", "02:30", "2026-03-08T03:00:00-04:00"),
    ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-04T02:30:00+11:00"),
    ("America/Sao_Paulo", "2018-11-04", "00:30", "2018-11-04T01:00:00-02:00"),
    ("Pacific/Apia", "2011-12-30", "12:00", "2011-12-31T00:00:00+14:00"),
]
TWICE = [
    ("Europe/Berlin", "2026-10-25", "02:30", "+02:00", "+01:00"),
    ("America/New_York", "2026-11-01", "01:30", "-04:00", "-05:00"),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", "+11:00", "+10:30"),
]


def daily_at(time: str, zone: str) -> list[Schedule]:
    hour, minute = time.split(":")
    return [crontab(int(minute), int(hour), tz=zone), cron(f"{int(minute)} {int(hour)} * * *", tz=zone)]


def slots(schedule: Schedule, start: datetime, end: datetime) -> list[str]:
    found, slot = [], schedule.next(start)
    while slot <= end:
        found.append(slot.isoformat())
        slot = schedule.next(slot)
    return found


def noon_before(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00") - timedelta(days=1)


@pytest.mark.parametrize(("zone", "day", "time", "slot"), GAPS)
def test_a_fixed_time_in_the_gap_fires_once_when_the_gap_ends(zone: str, day: str, time: str, slot: str) -> None:
    for schedule in daily_at(time, zone):
        gap_ends = datetime.fromisoformat(slot)
        assert schedule.next(gap_ends - timedelta(hours=2)).isoformat() == slot
        assert schedule.next(gap_ends - timedelta(microseconds=1)).isoformat() == slot
        assert schedule(gap_ends)
        assert schedule.next(gap_ends).isoformat()[11:16] == time
        assert day < schedule.next(gap_ends).isoformat()[:10]


def test_several_fixed_times_in_one_gap_fire_together_once() -> None:
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    found = slots(crontab("0,20,40", "2-3", tz="Europe/Berlin"), start, start + timedelta(hours=2))
    assert [slot[11:] for slot in found] == ["03:00:00+02:00", "03:20:00+02:00", "03:40:00+02:00"]


@pytest.mark.parametrize(("zone", "day", "time", "first", "second"), TWICE)
def test_a_fixed_time_that_happens_twice_fires_on_the_first_pass(
    zone: str, day: str, time: str, first: str, second: str
) -> None:
    for schedule in daily_at(time, zone):
        start = noon_before(day)
        assert slots(schedule, start, start + timedelta(days=1)) == [f"{day}T{time}:00{first}"]
        assert not schedule(datetime.fromisoformat(f"{day}T{time}:00{second}"))


def test_from_within_the_second_pass_the_next_fixed_time_is_tomorrow() -> None:
    second_pass = datetime.fromisoformat("2026-10-25T02:15:00+01:00")
    for schedule in daily_at("02:30", "Europe/Berlin"):
        assert schedule.next(second_pass).isoformat() == "2026-10-26T02:30:00+01:00"


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize("schedule", [crontab("*/10", tz="Europe/Berlin"), cron("*/10 * * * *", tz="Europe/Berlin")])
def test_every_ten_minutes_stays_ten_minutes(schedule: Schedule, day: str) -> None:
    start = noon_before(day)
    found = [datetime.fromisoformat(slot) for slot in slots(schedule, start, start + timedelta(days=1))]
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=10)}
    assert len(found) == 144


def test_every_half_hour_on_lord_howe_stays_half_an_hour() -> None:
    for day in ("2026-10-04", "2026-04-05"):
        start = noon_before(day)
        found = slots(crontab("*/30", tz="Australia/Lord_Howe"), start, start + timedelta(days=1))
        assert len(found) == 48


def test_hourly_goes_with_elapsed_time() -> None:
    start = noon_before("2026-10-25")
    assert len(slots(crontab.hourly(tz="Europe/Berlin"), start, start + timedelta(days=1))) == 24


def test_a_star_for_minutes_runs_through_both_passes_and_not_in_a_gap() -> None:
    schedule = crontab("*/20", 2, tz="Europe/Berlin")
    twice = slots(schedule, noon_before("2026-10-25"), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert [slot[11:] for slot in twice] == [
        *("02:00:00+02:00", "02:20:00+02:00", "02:40:00+02:00"),
        *("02:00:00+01:00", "02:20:00+01:00", "02:40:00+01:00"),
    ]
    assert slots(schedule, noon_before("2026-03-29"), datetime(2026, 3, 29, 12, tzinfo=UTC)) == []


def test_a_repeated_slot_is_not_missed_when_the_one_after_is_a_year_away() -> None:
    schedule = crontab("*/30", 2, 25, "oct", tz="Europe/Berlin")
    last_of_the_first_pass = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    assert schedule.next(last_of_the_first_pass).isoformat() == "2026-10-25T02:00:00+01:00"


def test_a_naive_time_on_the_second_pass_says_so_with_fold() -> None:
    schedule = crontab("*/30", tz="Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30)
    second = schedule.next(first)
    assert (second, second.fold) == (datetime(2026, 10, 25, 2, 0), 1)
    assert schedule.next(schedule.next(second)) == datetime(2026, 10, 25, 3, 0)


def test_an_interval_does_not_care() -> None:
    start = noon_before("2026-03-29")
    assert len(slots(every(hours=2, tz="Europe/Berlin"), start, start + timedelta(days=1))) == 12
