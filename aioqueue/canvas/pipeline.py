"""Jobs that run one after another, each given the value of the one before."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from msgspec import structs

from aioqueue.canvas.layout import Layout, Place, Stageable, refuse_repeats, refuse_unique
from aioqueue.errors import ConfigurationError, TaskException
from aioqueue.record import Stage
from aioqueue.result import PipelineResult, Result, ResultSource

if TYPE_CHECKING:
    from aioqueue.canvas.job import Job

Q = ParamSpec("Q")
S = TypeVar("S")
T = TypeVar("T")
D = TypeVar("D")
A = TypeVar("A")
B = TypeVar("B")
R_co = TypeVar("R_co", covariant=True)
All_co = TypeVar("All_co", covariant=True)


class Pipeline(Generic[All_co, R_co]):
    """Stages that run in order. Made by `job.then(...)`; adding a stage makes a new one.

    The value of a stage goes before the next one's arguments: a tuple is spread, a dict fills keywords that were not
    given, a task declared `-> None` hands on nothing. A stage that fails for good, is revoked or expires ends the later
    ones with it: their results raise what its result raises.
    """

    def __init__(
        self, head: Job[Any], stages: tuple[tuple[Stage, ResultSource], ...], errors: tuple[Stage, ...] = ()
    ) -> None:
        self.head = head
        self._stages = stages
        self._errors = errors
        refuse_unique(head)
        refuse_repeats(self.ids)

    def __repr__(self) -> str:
        return f"<Pipeline {' -> '.join([self.head.task_name, *(stage.task for stage, _ in self._stages)])}>"

    @property
    def id(self) -> str:
        """The id of the last stage's job."""
        return self._stages[-1][0].id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all stages' jobs, in order."""
        return (self.head.id, *(stage.id for stage, _ in self._stages))

    @property
    def unique(self) -> str:
        """Always empty: stages have no unique keys."""
        return ""

    @property
    def source(self) -> ResultSource:
        """Where the last stage's value comes from."""
        return self._stages[-1][1]

    @overload
    def then(
        self: Pipeline[T, tuple[A]],
        task: Callable[Concatenate[A, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[T | S, S]: ...
    @overload
    def then(
        self: Pipeline[T, tuple[A, B]],
        task: Callable[Concatenate[A, B, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[T | S, S]: ...
    @overload
    def then(
        self: Pipeline[T, dict[str, D]],
        task: Callable[..., Coroutine[Any, Any, Result[S]]],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> Pipeline[T | S, S]: ...
    @overload
    def then(
        self: Pipeline[T, A],
        task: Callable[Concatenate[A, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[T | S, S]: ...
    def then(self, task: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Add a stage: `task` is called with the value of the stage before, then `args` and `kwargs`."""
        added = stage_of(self.head.source, task, None, args, kwargs)
        return Pipeline(self.head, (*self._stages, added), self._errors)

    def error(
        self,
        task: Callable[Concatenate[TaskException, Q], Coroutine[Any, Any, Result[Any]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Self:
        """Return the pipeline with a callback for the stage that ends it, whether added before or after this.

        `task` is called with that stage's `TaskException`, then `args` and `kwargs`.
        """
        callback, _ = stage_of(self.head.source, task, 1, args, kwargs)
        return cast("Self", Pipeline(self.head, self._stages, (*self._errors, callback)))

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored: the head, which carries the rest, and the places of the others."""
        stages = tuple(structs.replace(stage, errors=(*stage.errors, *self._errors)) for stage, _ in self._stages)
        stored = self.head.new_job(place, stages, self._errors)
        return Layout([structs.replace(stored, waits=tuple(stage.id for stage in stages))])

    def results(self) -> PipelineResult[All_co, R_co]:
        """Return the handles of all stages."""
        later: list[Result[Any]] = [Result(stage.id, source) for stage, source in self._stages]
        return PipelineResult([Result(self.head.id, self.head.source), *later])


def stage_of(
    home: ResultSource | None, task: Any, leading: int | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Stage, ResultSource]:
    """Return a stage for `task`, which must be of the queue that `home` is of, if it is of one."""
    stageable: Stageable = task
    if not hasattr(task, "stage"):
        raise TypeError(f"a stage is a task and its arguments, not {task!r}")
    if home is not None and stageable.source.session != home.session:
        raise ConfigurationError(f"{task!r} belongs to another queue: a canvas stays within one")
    return stageable.stage(leading, args, kwargs), stageable.source
