"""Firing the slots of schedules, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aioqueue.drivers.base import NewJob
from aioqueue.drivers.sqlite.enqueueing import enqueue
from aioqueue.drivers.sqlite.transaction import Transaction, json_list

_AHEAD: Final = 1.0


def fire(transaction: Transaction, schedule: str, slot: float, job: NewJob) -> bool:
    """Enqueue the job of a slot that comes after the last one fired."""
    last = transaction.row("last_slot", schedule=schedule)
    if last and slot <= last[0]:
        return last == (slot, job.id)
    if slot > transaction.now + _AHEAD:
        return False
    transaction.execute("record_slot", schedule=schedule, slot=slot, job=job.id)
    enqueue(transaction, [job])
    return True


def last_slots(transaction: Transaction, schedules: Sequence[str]) -> list[float | None]:
    """Return the last slot fired of each schedule."""
    slots: dict[str, float] = dict(transaction.rows("last_slots", schedules=json_list(schedules)))
    return [slots.get(schedule) for schedule in schedules]
