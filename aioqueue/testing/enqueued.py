"""What was enqueued in this process during a test, and assertions about it."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Driver
from aioqueue.errors import SerializationError, StoreUnavailable
from aioqueue.options import instant, priority, seconds
from aioqueue.registry import Registry
from aioqueue.task import Task
from aioqueue.witnesses import witnessing

TOLERANCE: Final = 5.0  # seconds: what takes place between an application's `now()` and a test's


@dataclass(frozen=True)
class _Entry:
    """A job that was stored, among the tasks of which queue, and the store's time of it."""

    registry: Registry
    job: Job[Any]
    at: float

    @property
    def due(self) -> float:
        return self.job.eta or self.at + self.job.delay

    def calls(self, task: Task[..., Any]) -> bool:
        known = self.registry.get(self.job.task_name)
        return known is not None and known.fn is task.fn

    def arguments(self) -> Mapping[str, Any]:
        """Return what the body is given, by parameter, defaults included."""
        task = self.registry.get(self.job.task_name)
        assert task is not None
        return _read(task, self.job.snapshot().record.arguments)

    def __str__(self) -> str:
        call = f"{self.job.task_name}({_listed(self.arguments())})"
        when = f" due {_moment(self.job.eta)}" if self.job.eta else ""
        when = f" in {self.job.delay:g} s" if self.job.delay else when
        return f"{call}{when}{f', priority {self.job.priority}' if self.job.priority else ''}"


@dataclass(frozen=True)
class _Expected:
    """What a test asks for; None where it does not care."""

    task: Task[..., Any]
    arguments: Mapping[str, Any] | None
    eta: float | None
    delay: float | None
    priority: int | None

    def fits(self, entry: _Entry) -> bool:
        return (
            entry.calls(self.task)
            and (self.arguments is None or self.arguments == entry.arguments())
            and (self.eta is None or abs(self.eta - entry.due) <= TOLERANCE)
            and (self.delay is None or self._is_delayed_so(entry))
            and (self.priority is None or self.priority == entry.job.priority)
        )

    def _is_delayed_so(self, entry: _Entry) -> bool:
        if not entry.job.eta:
            return self.delay == entry.job.delay
        return self.delay is not None and abs(entry.at + self.delay - entry.due) <= TOLERANCE

    def __str__(self) -> str:
        given = "any arguments" if self.arguments is None else _listed(self.arguments)
        when = "" if self.eta is None else f" due {_moment(self.eta)}"
        when += "" if self.delay is None else f" in {self.delay:g} s"
        return f"{self.task.name}({given}){when}{'' if self.priority is None else f', priority {self.priority}'}"


class Enqueued:
    """Everything that this process has enqueued since the test began, on whichever queue, in order.

    That is what was stored by calls of tasks, `queue.enqueue` and their kin: not what a worker makes of it (retries,
    later stages, slots), and not what was there already (`unique=`, the same `id=`).
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def __repr__(self) -> str:
        return f"<Enqueued {[str(entry) for entry in self._entries]}>"

    @property
    def jobs(self) -> list[Job[Any]]:
        """The jobs, in the order in which they were stored."""
        return [entry.job for entry in self._entries]

    def clear(self) -> None:
        """Forget what was enqueued so far."""
        self._entries.clear()

    def note(self, registry: Registry, job: Job[Any], at: float) -> None:
        """Take in a job that was stored, at the store's time `at`, by the queue whose tasks these are."""
        self._entries.append(_Entry(registry, job, at))

    def assert_enqueued(self, task: Task[..., Any], /, *args: Any, **kwargs: Any) -> Job[Any]:
        """Return the first job that calls `task` with these arguments; `AssertionError` lists what there is instead.

        Without arguments, any are right. They are compared as the body will see them, after the serializer and with
        defaults. Beside the task's own keywords there are `eta=` (a datetime, give or take five seconds), `delay=`
        (seconds or a timedelta) and `priority=`. Where the task has a parameter of that name it is the task's: look at
        the job that is returned.
        """
        __tracebackhide__ = True
        expected = _expected(task, args, kwargs)
        for entry in self._entries:
            if expected.fits(entry):
                return entry.job
        raise AssertionError(f"not enqueued: {expected}\n{self._told()}")

    def none(self, task: Task[..., Any] | None = None, /) -> None:
        """Check that nothing was enqueued, or no job of `task`."""
        __tracebackhide__ = True
        if task is not None:
            _refuse_other_than_task(task)
        if any(task is None or entry.calls(task) for entry in self._entries):
            unwanted = "nothing" if task is None else f"no job of {task.name}"
            raise AssertionError(f"{unwanted} was to be enqueued\n{self._told()}")

    def _told(self) -> str:
        if not self._entries:
            return "nothing was enqueued"
        return "\n".join(["enqueued were:", *(f"  {number}. {entry}" for number, entry in enumerate(self._entries, 1))])


@contextmanager
def recording() -> Iterator[Enqueued]:
    """Record what every queue of this process enqueues within a block."""
    enqueued = Enqueued()

    async def note(registry: Registry, driver: Driver, jobs: Sequence[Job[Any]]) -> None:
        at = await _time_at(driver)
        for job in jobs:
            enqueued.note(registry, job, at)

    with witnessing(note):
        yield enqueued


async def _time_at(driver: Driver) -> float:
    with suppress(StoreUnavailable):
        return await driver.now()
    return datetime.now(UTC).timestamp()


_OPTIONS: Final[Mapping[str, Callable[[Any], float]]] = {
    "eta": lambda value: instant("eta", value),
    "delay": lambda value: seconds("delay", value),
    "priority": priority,
}


def _expected(task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Expected:
    _refuse_other_than_task(task)
    own = {name: value for name, value in kwargs.items() if name in task.parameters.names or name not in _OPTIONS}
    said: dict[str, Any] = {name: _OPTIONS[name](value) for name, value in kwargs.items() if name not in own}
    arguments = _as_seen(task, args, own) if args or own else None
    return _Expected(task, arguments, said.get("eta"), said.get("delay"), said.get("priority"))


def _refuse_other_than_task(task: object) -> None:
    if not isinstance(task, Task):
        raise TypeError(f"a task is asked for, decorated with @queue.task, not {task!r}")


def _as_seen(task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
    """Return arguments as the body would see them; what no store can keep, as `mock.ANY`, is compared as it is."""
    try:
        return _read(task, task.parameters.encode(args, kwargs))
    except SerializationError:
        return task.parameters.with_defaults(args, kwargs)


def _read(task: Task[..., Any], encoded: bytes) -> Mapping[str, Any]:
    args, kwargs = task.parameters.decode(encoded)
    return task.parameters.with_defaults(tuple(args), kwargs)


def _listed(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={reprlib.repr(value)}" for name, value in arguments.items())


def _moment(eta: float) -> str:
    return f"{datetime.fromtimestamp(eta, UTC):%Y-%m-%d %H:%M:%S}Z"
