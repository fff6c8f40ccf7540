"""Counting what Python does for a job, instead of timing it: the same figure on a busy machine and on an idle one."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import aioqueue

PACKAGE: Final = Path(aioqueue.__file__).parent
TURNS: Final = 3


class Calls:
    """The calls that this thread has made: of functions, of coroutines each time they go on, and from our code into C.

    Each is known by its file, ours by what follows `aioqueue/`, and its name.
    """

    def __init__(self) -> None:
        self._functions: Counter[tuple[str, str]] = Counter()
        self._into_c: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """All of them."""
        return self._functions.total() + self._into_c.total()

    @property
    def ours(self) -> int:
        """Those of functions in aioqueue."""
        return sum(count for (where, _), count in self._functions.items() if where.startswith(str(PACKAGE)))

    def of(self, file: str) -> int:
        """The calls of what stands in a file: `worker/executor.py` of ours, or `asyncio/timeouts.py`."""
        return sum(count for (where, _), count in self._functions.items() if where.endswith(file))

    def busiest(self, jobs: int) -> str:
        """The functions that are called most, with how often a job."""
        lines = [
            f"  {count / jobs:7.2f}  {_short(where)}: {name}"
            for (where, name), count in self._functions.most_common(25)
        ]
        return "\n".join([*lines, f"  {self._into_c.total() / jobs:7.2f}  from aioqueue into C"])

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._functions[frame.f_code.co_filename, frame.f_code.co_name] += 1
        elif event == "c_call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            self._into_c[frame.f_code.co_filename] += 1

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what this thread calls within the block."""
        before = sys.getprofile()
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(before)


async def fewest(work: Callable[[], Awaitable[Any]], prepare: Callable[[], Awaitable[Any]] | None = None) -> Calls:
    """Count some work several times, and return the turn with the fewest calls: what disturbs it only adds some."""
    turns = []
    for _ in range(TURNS):
        if prepare is not None:
            await prepare()
        calls = Calls()
        with calls.counted():
            await work()
        turns.append(calls)
    return min(turns, key=lambda calls: calls.total)


def _short(where: str) -> str:
    path = Path(where)
    return str(path.relative_to(PACKAGE.parent)) if PACKAGE in path.parents else "/".join(path.parts[-2:])
