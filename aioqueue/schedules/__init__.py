"""When a periodic task is due: `crontab(...)`, `cron("...")`, `every(...)`, or anything shaped like `Schedule`."""

from __future__ import annotations

from aioqueue.schedules.cron import cron
from aioqueue.schedules.crontab import crontab
from aioqueue.schedules.every import every
from aioqueue.schedules.schedule import Schedule

__all__ = ["Schedule", "crontab", "cron", "every"]
