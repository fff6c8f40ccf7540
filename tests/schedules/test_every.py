"""`every(...)`: slots counted from the epoch."""

# ruff: noqa: DTZ001 -- a naive datetime is a wall time here

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioqueue.schedules import every

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "slot"),
    [
        (every(seconds=10), "2026-05-01T12:34:00+00:00"),
        (every(seconds=0.25), "2026-05-01T12:33:56.250000+00:00"),
        (every(minutes=5), "2026-05-01T12:35:00+00:00"),
        (every(minutes=1, seconds=30), "2026-05-01T12:34:30+00:00"),
        (every(hours=6), "2026-05-01T18:00:00+00:00"),
        (every(days=1), "2026-05-02T00:00:00+00:00"),
        (every(weeks=1), "2026-05-07T00:00:00+00:00"),
    ],
)
def test_aligned_to_the_epoch(schedule: every, slot: str) -> None:
    assert schedule.next(datetime(2026, 5, 1, 12, 33, 56, tzinfo=UTC)).isoformat() == slot


def test_due_if_a_slot_falls_into_the_minute() -> None:
    ninety = every(seconds=90)
    noon = datetime(2026, 5, 1, 12)
    assert [ninety(noon + timedelta(minutes=n)) for n in range(6)] == [True, True, False, True, True, False]
    assert every(seconds=10)(noon)
    assert not every(hours=1)(noon + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({}, "needs an interval"),
        ({"seconds": 0}, "needs an interval"),
        ({"seconds": -1}, r"every\(seconds=-1\): a positive number is needed"),
        ({"hours": 1, "minutes": -5}, r"every\(minutes=-5\)"),
        ({"seconds": float("nan")}, r"every\(seconds=nan\)"),
        ({"days": float("inf")}, r"every\(days=inf\)"),
        ({"seconds": 0.05}, r"every\(seconds=0.05\): an interval is 0.1 seconds at least"),
        ({"weeks": 1e300}, "at most"),
        ({"days": 400_000}, "at most"),
    ],
)
def test_what_is_no_interval_is_refused(parts: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        every(**parts)  # type: ignore[arg-type]


def test_text_is_no_number() -> None:
    with pytest.raises(TypeError):
        every(seconds="10")  # type: ignore[arg-type]


def test_what_stands_without_a_name_says_no_unit() -> None:
    with pytest.raises(TypeError, match=re.escape("every() takes keyword arguments, such as every(seconds=5)")):
        every(5)  # type: ignore[call-arg]


def test_shown_and_compared_as_written() -> None:
    assert repr(every(minutes=1.5, tz="UTC")) == "every(minutes=1.5, tz='UTC')"
    assert every(seconds=10) == every(seconds=10)
    assert every(seconds=10) != every(seconds=11)


@given(st.floats(0.1, 1e7), st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1)))
def test_each_slot_is_the_first_multiple_after(seconds: float, at: datetime) -> None:
    after = at.replace(tzinfo=UTC)
    interval = timedelta(seconds=seconds)
    slot = every(seconds=seconds).next(after)
    assert (slot - EPOCH) % interval == timedelta(0)
    assert slot - interval <= after < slot
    assert every(seconds=seconds)(slot)
