"""What `@queue.task(...)` and its kin are to a type checker."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from aioqueue.task import Task

P = ParamSpec("P")
R = TypeVar("R")
First_co = TypeVar("First_co", covariant=True)


class Decorator(Protocol):
    """`@queue.task(...)`: a function becomes a task."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R]: ...


class FirstArgumentDecorator(Protocol[First_co]):
    """The worker supplies the first argument (`context=True`)."""

    @overload
    def __call__(self, fn: Callable[Concatenate[First_co, P], Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[First_co, P], R], /) -> Task[P, R]: ...


class PeriodicDecorator(Protocol):
    """`@queue.periodic_task(...)`: a function without parameters becomes a task."""

    @overload
    def __call__(self, fn: Callable[[], Coroutine[Any, Any, R]], /) -> Task[[], R]: ...
    @overload
    def __call__(self, fn: Callable[[], R], /) -> Task[[], R]: ...
