"""Periodic tasks: a task and when it is due."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Literal, TypeAlias

from aioqueue.canvas.job import Job
from aioqueue.schedules import Schedule, cron, crontab, every
from aioqueue.task import Task

Misfire: TypeAlias = Literal["skip", "once", "all"]

MISFIRES: Final = ("skip", "once", "all")
MISSED_KEPT: Final = 100
GRACE: Final = 1.0


class Periodic:
    """A periodic task of one queue. Slots are Unix seconds.

    `misfire` says what becomes of slots that no worker was there to fire: `skip` fires none of them, `once` the latest,
    `all` each, up to the last hundred. A slot is missed when it is more than a second old.
    """

    def __init__(self, task: Task[[], Any], schedule: Schedule, misfire: Misfire, zone: tzinfo) -> None:
        self.task = task
        self.schedule = schedule.in_zone(zone) if isinstance(schedule, crontab | cron | every) else schedule
        self._misfire = misfire

    @property
    def name(self) -> str:
        """The name of the task: a schedule is known by it."""
        return self.task.name

    def next_slot(self, after: float) -> float:
        """Return the first slot after `after`."""
        return self.schedule.next(datetime.fromtimestamp(after, UTC)).timestamp()

    def due_slots(self, after: float, now: float) -> list[float]:
        """Return the slots after `after` and up to `now` that are to be fired, in order."""
        passed: deque[float] = deque(maxlen=MISSED_KEPT)
        slot = self.next_slot(after)
        while slot <= now:
            passed.append(slot)
            slot = self.next_slot(slot)
        if self._misfire == "all":
            return list(passed)
        latest = list(passed)[-1:]
        return latest if self._misfire == "once" else [slot for slot in latest if slot > now - GRACE]

    def job_for(self, slot: float) -> Job[Any]:
        """Return the job of one slot; the same slot gives the same id, so that it is stored once."""
        return self.task.options(id=f"{_as_id(self.name)}@{slot:.6f}").s()


def _as_id(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_.:-" else "-" for letter in name)[-160:]
