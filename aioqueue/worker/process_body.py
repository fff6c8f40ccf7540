"""What a worker's child process does: find the task by module and name, run it, answer with data."""

from __future__ import annotations

import atexit
import importlib
import signal
from functools import partial
from operator import attrgetter
from typing import Any

from aioqueue.canvas.job import Job, JobSnapshot, running_job
from aioqueue.hooks import Hooks
from aioqueue.task import Task
from aioqueue.worker.ending import Ending, ending_of, returned

_started: set[Hooks] = set()


def run_in_child(module: str, qualname: str, snapshot: JobSnapshot, arguments: bytes) -> Ending:
    """Run one body here. Only names and bytes travel: the function itself comes from this process's own import."""
    _leave_signals_to_the_worker()
    task: Task[..., Any] = attrgetter(qualname)(importlib.import_module(module))
    job: Job[Any] = Job.from_snapshot(snapshot, task.source)
    running_job.set(job)
    try:
        _start_once(task.hooks)
        args, kwargs = task.parameters.decode(arguments)
        body = partial(task.fn, *([job, *args] if task.declaration.context else args), **kwargs)
        return returned(task.source.returns, task.hooks.run_body(job, body))
    except BaseException as error:  # noqa: BLE001 -- SystemExit ends the job, not the child
        return ending_of(error, task.declaration)


def _start_once(hooks: Hooks) -> None:
    if hooks not in _started:
        _started.add(hooks)
        hooks.start_here("process")
        atexit.register(hooks.stop_here, "process")


def _leave_signals_to_the_worker() -> None:
    """Let a signal that the whole process group gets stop the worker only: it decides what becomes of its children.

    A handler that does nothing, rather than SIG_IGN, so that programs started by a body have their defaults.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
