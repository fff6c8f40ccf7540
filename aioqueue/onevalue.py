"""Generators that make one value: each says whose it is where it does not yield exactly once.

They stand for a generator where `contextlib` runs it, which would say as much without a name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any


class OneValue:
    """A generator of one value; `name` is that of its function."""

    def __init__(self, made: Generator[Any, Any, Any], name: str) -> None:
        self._made = made
        self._name = name
        self._has_yielded = False

    def __iter__(self) -> OneValue:
        return self

    def __next__(self) -> Any:
        try:
            value = next(self._made)
        except StopIteration:
            if self._has_yielded:
                raise
            raise never(self._name) from None
        if self._has_yielded:
            self.close()
            raise again(self._name)
        self._has_yielded = True
        return value

    def throw(self, *raised: Any) -> Any:
        """Tell it of an error where it yielded; before Python 3.12 that is a type, an error and a traceback."""
        self._made.throw(*raised)
        self.close()
        raise again(self._name)

    def close(self) -> None:
        """End it where it stands."""
        self._made.close()


class OneValueAsync:
    """The same of an async generator."""

    def __init__(self, made: AsyncGenerator[Any, Any], name: str) -> None:
        self._made = made
        self._name = name
        self._has_yielded = False

    def __aiter__(self) -> OneValueAsync:
        return self

    async def __anext__(self) -> Any:
        try:
            value = await anext(self._made)
        except StopAsyncIteration:
            if self._has_yielded:
                raise
            raise never(self._name) from None
        if self._has_yielded:
            await self.aclose()
            raise again(self._name)
        self._has_yielded = True
        return value

    async def athrow(self, *raised: Any) -> Any:
        """Tell it of an error where it yielded."""
        await self._made.athrow(*raised)
        await self.aclose()
        raise again(self._name)

    async def aclose(self) -> None:
        """End it where it stands."""
        await self._made.aclose()


def never(name: str) -> RuntimeError:
    """Return the error of one that has no value."""
    return RuntimeError(f"{name} ends without a yield: what a task depends on is yielded once")


def again(name: str) -> RuntimeError:
    """Return the error of one that does not end after its value."""
    return RuntimeError(f"{name} yields more than once: what a task depends on is yielded once")
