"""Periodic tasks: a task and when it is due."""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from aioqueue.canvas.job import Job
from aioqueue.task import Task

if TYPE_CHECKING:
    from aioqueue.schedules.schedule import Schedule

Misfire: TypeAlias = Literal["skip", "once", "all"]

MISFIRES: Final = ("skip", "once", "all")
MISSED_KEPT: Final = 100
GRACE: Final = 1.0


class Periodic:
    """A periodic task of one queue. Slots are Unix seconds.

    `misfire` says what becomes of slots that no worker was there to fire: `skip` fires none of them, `once` the latest,
    `all` each, up to the last hundred. A slot is missed when it is more than a second old.
    """

    def __init__(self, task: Task[[], Any], schedule: Schedule, misfire: Misfire) -> None:
        self.task = task
        self.schedule = schedule
        self.misfire: Misfire = misfire

    def in_zone(self, zone: tzinfo) -> Periodic:
        """Return it with its schedule in `zone`, unless that names a zone of its own."""
        from aioqueue.schedules import cron, crontab, every  # noqa: PLC0415 -- most queues have no schedule

        if not isinstance(self.schedule, crontab | cron | every):
            return self
        return Periodic(self.task, self.schedule.in_zone(zone), self.misfire)

    @property
    def name(self) -> str:
        """The name of the task: a schedule is known by it."""
        return self.task.name

    def next_slot(self, after: float) -> float:
        """Return the first slot after `after`; `ValueError` for a schedule that goes back or stands still."""
        slot = self.schedule.next(datetime.fromtimestamp(after, UTC)).timestamp()
        if slot <= after:
            raise ValueError(f"{self.schedule!r} says that {slot} comes after {after}")
        return slot

    def due_slots(self, after: float, now: float) -> list[float]:
        """Return the slots after `after` and up to `now` that are to be fired, in order."""
        latest = self._latest_slots(after, now, MISSED_KEPT if self.misfire == "all" else 1)
        return [slot for slot in latest if slot > now - GRACE] if self.misfire == "skip" else latest

    def _latest_slots(self, after: float, until: float, count: int) -> list[float]:
        slots: deque[float] = deque()
        while len(slots) < count and (slot := self._latest_slot(after, until)) is not None:
            slots.appendleft(slot)
            until = math.nextafter(slot, 0.0)
        return list(slots)

    def _latest_slot(self, after: float, until: float) -> float | None:
        """Return the last slot after `after` and up to `until`, by halving: months may have been missed."""
        latest = None
        late = until
        while (slot := self.next_slot(after)) <= until:
            latest = after = slot
            halfway = (after + late) / 2
            if (slot := self.next_slot(halfway)) <= until:
                latest = after = slot
            else:
                late = halfway
        return latest

    def job_for(self, slot: float) -> Job[Any]:
        """Return the job of one slot; the same slot gives the same id, so that it is stored once."""
        return self.task.options(id=f"{_as_id(self.name)}@{slot:.6f}").s()


def _as_id(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_.:-" else "-" for letter in name)[-160:]
