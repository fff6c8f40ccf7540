"""Which slots of a schedule are fired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from aioqueue import Queue, crontab
from aioqueue.periodic import MISSED_KEPT, Misfire, Periodic
from aioqueue.schedules import Schedule, cron, every

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC).timestamp()


def periodic(schedule: Schedule, misfire: Misfire, queue: Queue | None = None) -> Periodic:
    queue = queue or Queue("memory://")

    @queue.periodic_task(schedule, misfire=misfire)
    async def beat() -> None: ...

    return queue.periodic[0].in_zone(queue.zone)


@pytest.mark.parametrize(("misfire", "slots"), [("skip", []), ("once", [30.0]), ("all", [630.0, 330.0, 30.0])])
def test_slots_that_were_missed(misfire: Misfire, slots: list[float]) -> None:
    task = periodic(crontab(minute="*/5"), misfire)
    assert [NOW - slot for slot in task.due_slots(NOW - 700, NOW)] == slots


@pytest.mark.parametrize("misfire", ["skip", "once", "all"])
def test_a_slot_that_has_just_come_is_fired(misfire: Misfire) -> None:
    task = periodic(crontab(minute="*/5"), misfire)
    slot = NOW - 30
    assert task.due_slots(slot - 100, slot - 0.001) == []
    assert task.due_slots(slot - 100, slot) == [slot]
    assert task.due_slots(slot - 100, slot + 0.5) == [slot]
    assert task.due_slots(slot, slot + 0.5) == []


@pytest.mark.parametrize(
    "schedule", [every(seconds=0.1), crontab(), cron("*/7 3-5 * jan mon"), crontab(minute="0", day="31")], ids=repr
)
@pytest.mark.parametrize("misfire", ["skip", "once", "all"])
def test_months_that_were_missed_are_looked_at_quickly(schedule: Schedule, misfire: Misfire) -> None:
    task = periodic(schedule, misfire)
    began = perf_counter()
    slots = task.due_slots(NOW - 90 * 86_400, NOW)
    assert perf_counter() - began < 2
    latest = task.due_slots(slots[-1] - 0.000001, NOW) if slots else []
    assert latest == slots[-1:]
    if misfire != "skip":
        assert task.next_slot(slots[-1]) > NOW
    if misfire == "all":
        assert len(slots) <= MISSED_KEPT
        assert slots == sorted(set(slots))
        assert [task.next_slot(slot) for slot in slots[:-1]] == slots[1:]


def test_the_same_slots_as_one_by_one() -> None:
    task = periodic(cron("*/7 9-17 * * mon-fri"), "all")
    slot, one_by_one = task.next_slot(NOW - 4 * 86_400), []
    while slot <= NOW:
        one_by_one.append(slot)
        slot = task.next_slot(slot)
    assert task.due_slots(NOW - 4 * 86_400, NOW) == one_by_one[-MISSED_KEPT:]


def test_the_time_zone_of_the_queue_holds_where_a_schedule_says_none() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    queue = Queue("memory://", tz="Europe/Berlin")
    slot = periodic(crontab(minute="0", hour="9"), "once", queue).next_slot(NOW)
    assert datetime.fromtimestamp(slot, berlin).hour == 9
    queue = Queue("memory://", tz="Europe/Berlin")
    slot = periodic(crontab(minute="0", hour="9", tz="UTC"), "once", queue).next_slot(NOW)
    assert datetime.fromtimestamp(slot, UTC).hour == 9


def test_the_job_of_a_slot_is_the_same_in_every_worker() -> None:
    first, second = (periodic(crontab(), "once").job_for(NOW - 30) for _ in range(2))
    assert first.id == second.id


class Bent:
    """A schedule whose slots do not go forward."""

    def __init__(self, step: timedelta) -> None:
        self._step = step

    def __call__(self, at: datetime) -> bool:
        return False

    def next(self, after: datetime) -> datetime:
        return after + self._step


@pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=-1)])
@pytest.mark.parametrize("misfire", ["skip", "once", "all"])
def test_a_schedule_that_does_not_go_forward_is_refused_instead_of_followed(step: timedelta, misfire: Misfire) -> None:
    with pytest.raises(ValueError, match="Bent"):
        periodic(Bent(step), misfire).due_slots(NOW - 700, NOW)
