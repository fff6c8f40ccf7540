"""Process titles: what `ps` and `aioqueue check --title` see."""

from __future__ import annotations

from setproctitle import setproctitle

from aioqueue.cli.running.settings import Settings


def worker_title(settings: Settings) -> str:
    """Return the title of a worker process."""
    place = f" ({settings.number} of {settings.workers})" if settings.number else ""
    return f"aioqueue: worker {settings.label}{place}"


def supervisor_title(settings: Settings) -> str:
    """Return the title of the process that watches over the workers."""
    return f"aioqueue: supervisor {settings.label} ({settings.workers} worker{'s' * (settings.workers != 1)})"


def set_title(title: str) -> None:
    """Have this process shown under `title`."""
    setproctitle(title)
