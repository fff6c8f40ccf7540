"""Resources opened for the length of one body."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from functools import partial, wraps
from typing import Any, Protocol, TypeAlias

from aioqueue.guards import guards_of, mark

Factory: TypeAlias = Callable[[], AbstractAsyncContextManager[Any] | AbstractContextManager[Any]]
Enter: TypeAlias = Callable[[AbstractAsyncContextManager[Any]], AbstractContextManager[Any]]


class Closable(Protocol):
    """Something that is opened before a body and closed after it; both may be async."""

    def open(self) -> object:
        """Open it."""

    def close(self) -> object:
        """Close it, whatever happened."""


def closing(resource: Closable) -> Factory:
    """Return a factory of context managers that open and close `resource`."""
    if inspect.iscoroutinefunction(resource.open) or inspect.iscoroutinefunction(resource.close):
        return partial(_opened_async, resource)
    return partial(_Opened, resource)


class _Opened:
    def __init__(self, resource: Closable) -> None:
        self._resource = resource

    def __enter__(self) -> Closable:
        self._resource.open()
        return self._resource

    def __exit__(self, *exc: object) -> None:
        self._resource.close()


@asynccontextmanager
async def _opened_async(resource: Closable) -> AsyncIterator[Closable]:
    await _finish(resource.open())
    try:
        yield resource
    finally:
        await _finish(resource.close())


def within(factory: Factory, fn: Callable[..., Any], enter: Enter, *, as_argument: bool) -> Callable[..., Any]:
    """Return `fn` run inside a context manager from `factory`, given its value first if `as_argument`.

    Around a coroutine function it is entered on the loop. Around a plain one it is entered where that runs, an async
    one by `enter`: so it is left when the function has ended, be that in a thread that outlives its timeout.
    """
    if inspect.iscoroutinefunction(fn):
        wrapped = _coroutine_within(factory, fn, as_argument)
    else:
        wrapped = _plain_within(factory, fn, enter, as_argument)
    for guard in reversed(guards_of(fn)):
        if guard not in guards_of(wrapped):
            mark(wrapped, guard)
    return wrapped


def _coroutine_within(factory: Factory, fn: Callable[..., Any], as_argument: bool) -> Callable[..., Any]:
    @wraps(fn)
    async def run(*args: Any, **kwargs: Any) -> Any:
        async with _as_async(factory) as value:
            return await fn(*((value,) if as_argument else ()), *args, **kwargs)

    return run


def _plain_within(factory: Factory, fn: Callable[..., Any], enter: Enter, as_argument: bool) -> Callable[..., Any]:
    make = partial(_as_async, factory) if _is_async(factory) else factory

    @wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        manager = make()
        with enter(manager) if isinstance(manager, AbstractAsyncContextManager) else manager as value:
            return fn(*((value,) if as_argument else ()), *args, **kwargs)

    return run


def _is_async(factory: Factory) -> bool:
    """Whether `factory` is known to make async managers, some of which can only be made on a loop."""
    inner = inspect.unwrap(factory.func if isinstance(factory, partial) else factory)
    return inspect.isasyncgenfunction(inner) or (isinstance(factory, type) and hasattr(factory, "__aenter__"))


@asynccontextmanager
async def _as_async(factory: Factory) -> AsyncIterator[Any]:
    manager = factory()
    if isinstance(manager, AbstractAsyncContextManager):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


async def _finish(answer: object) -> None:
    if inspect.isawaitable(answer):
        await answer
