"""What a worker's child process does: find the task by module and name, run it, answer with data."""

from __future__ import annotations

import importlib
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final

from aioqueue.canvas.job import Job, JobSnapshot, running_job
from aioqueue.errors import ConfigurationError
from aioqueue.hooks import Hooks
from aioqueue.task import Task
from aioqueue.worker.ending import Ending, ending_of, returned

_STDOUT: Final = 1
_STDERR: Final = 2
_started: set[Hooks] = set()


def run_in_child(module: str, qualname: str, snapshot: JobSnapshot, arguments: bytes) -> Ending:
    """Run one body here. Only names and bytes travel: the function itself comes from this process's own import."""
    _leave_signals_to_the_worker()
    task = _find(module, qualname, snapshot.record.task)
    job: Job[Any] = Job.from_snapshot(snapshot, task.source)
    running_job.set(job)
    try:
        args, kwargs = task.parameters.decode(arguments)
        body = partial(task.fn, *([job, *args] if task.declaration.context else args), **kwargs)
        with _answers_kept_apart():
            _start_once(task.hooks)
            value = task.hooks.run_body(job, body)
        return returned(task.source.returns, value)
    except BaseException as error:  # noqa: BLE001 -- SystemExit ends the job, not the child
        return ending_of(error, task.declaration)


def _start_once(hooks: Hooks) -> None:
    if hooks not in _started:
        hooks.start_here("process")
        _started.add(hooks)


def leave_child() -> None:
    """Run the shutdown hooks of this process: its worker ends, and kills it afterwards."""
    with _answers_kept_apart():
        while _started:
            _started.pop().stop_here("process")


def _find(module: str, qualname: str, name: str) -> Task[..., Any]:
    """Return the task: what stands at the function's own name, or else under another name in its module."""
    namespace = importlib.import_module(module)
    found = attrgetter(qualname)(namespace)
    candidates = [found, *vars(namespace).values()]
    for candidate in candidates:
        if isinstance(candidate, Task) and candidate.name == name:
            return candidate
    raise ConfigurationError(f'{module} has no task {name!r} at module level: executor="process" needs one there')


@contextmanager
def _answers_kept_apart() -> Iterator[None]:
    """Keep what a body, or a program it starts, prints out of the pipe that carries the answers to the worker.

    It goes where the worker's own errors go, if that is a terminal or a pipe, else nowhere.
    """
    answers = os.dup(_STDOUT)
    try:
        os.dup2(_worker_stderr(), _STDOUT)
        yield
        sys.stdout.flush()
    finally:
        os.dup2(answers, _STDOUT)
        os.close(answers)


@cache
def _worker_stderr() -> int:
    """Open the worker's standard error, make it this process's own, and return its descriptor.

    The one that this process was given is a pipe that nobody reads: it would fill up and stop the body for good. A file
    is not shared, since two processes that write at places of their own would overwrite each other.
    """
    try:
        target = os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_APPEND)
        if not (stat.S_ISFIFO(os.fstat(target).st_mode) or os.isatty(target)):
            raise OSError
    except OSError:
        target = os.open(os.devnull, os.O_WRONLY)
    os.dup2(target, _STDERR)
    sys.stdout = sys.stderr = os.fdopen(os.dup(target), "w", buffering=1, errors="backslashreplace")
    return target


def _leave_signals_to_the_worker() -> None:
    """Let a signal that the whole process group gets stop the worker only: it decides what becomes of its children.

    A handler that does nothing, rather than SIG_IGN, so that programs started by a body have their defaults.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
