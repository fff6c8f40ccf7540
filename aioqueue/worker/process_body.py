"""What a worker's child process does: find the task by module and name, run it, answer with data."""

from __future__ import annotations

import importlib
import signal
from operator import attrgetter
from typing import Any

from aioqueue.canvas.job import Job, JobSnapshot, running_job
from aioqueue.errors import SerializationError
from aioqueue.task import Task
from aioqueue.worker.ending import Ending, Returned, Unstorable, ending_of


def _leave_signals_to_the_worker() -> None:
    """Let a signal that the whole process group gets stop the worker only: it decides what becomes of its children.

    A handler that does nothing, rather than SIG_IGN, so that programs started by a body have their defaults.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)


def run_in_child(module: str, qualname: str, snapshot: JobSnapshot, arguments: bytes) -> Ending:
    """Run one body here. Only names and bytes travel: the function itself comes from this process's own import."""
    _leave_signals_to_the_worker()
    task: Task[..., Any] = attrgetter(qualname)(importlib.import_module(module))
    job: Job[Any] = Job.from_snapshot(snapshot, task.source)
    running_job.set(job)
    try:
        args, kwargs = task.parameters.decode(arguments)
        value = task.fn(*([job, *args] if task.declaration.context else args), **kwargs)
        return Returned(task.source.returns.encode(value))
    except SerializationError as error:
        return Unstorable(str(error))
    except BaseException as error:  # noqa: BLE001 -- SystemExit ends the job, not the child
        return ending_of(error, task.declaration)
