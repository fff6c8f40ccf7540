"""Tasks that are named on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from aioqueue.cli.exits import Failed
from aioqueue.queue import Queue


def task_option(says: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option --task."""
    return click.option("--task", metavar="NAME", callback=_refuse_empty, help=says)


def refuse_unknown_task(queue: Queue, task: str, context: click.Context) -> None:
    """Raise `Failed` for a task that the application does not have; a store alone knows no tasks."""
    if context.params["url"] or context.params["queue"] or queue.registry.get(task) is not None:
        return
    known = ", ".join(sorted(known.name for known in queue.registry)) or "none"
    raise Failed(f"queue {queue.name!r} has no task {task!r}; there are: {known}")


def _refuse_empty(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.UsageError("--task is empty")
    return value
