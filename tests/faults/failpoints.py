"""Named failpoints: a process ends itself with SIGKILL exactly before or after an operation is committed.

`after:claim:2` dies when the second claim that gave jobs has been committed, and before anybody here learns what it
gave; `before:settle:1` when the first settle is about to be sent. What failed is not counted, and neither is what
changed nothing.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from aioqueue.drivers.base import Driver
from tests.faults.receipts import FailedAt, WorkerKilled, write

Operation: TypeAlias = Callable[..., Awaitable[Any]]

_IDS: Final[dict[str, Callable[[Sequence[Any], Any], list[str]]]] = {
    "enqueue": lambda arguments, _: [job.id for job in arguments[0]],
    "claim": lambda _, claimed: [claim.id for claim in claimed.jobs] if claimed else [],
    "settle": lambda arguments, _: [outcome.id for outcome in arguments[1]],
    "release": lambda arguments, _: list(arguments[1]),
    "fire": lambda arguments, _: [arguments[2].id],
}
_KINDS: Final = {"claim_when_woken": "claim"}
_CHANGED_NOTHING: Final[dict[str, Callable[[Any], bool]]] = {
    "claim": lambda claimed: not claimed.jobs,
    "fire": lambda fired: not fired,
    "reap": lambda jobs: jobs is None,
}


class Failpoint:
    """One point in the life of this process, which ends there."""

    def __init__(self, name: str, receipts: Path) -> None:
        self._name = name
        self._receipts = receipts
        self._when, self.operation, nth = name.split(":")
        self._nth = int(nth)
        self._count = itertools.count(1)

    async def cross(self, operation: Operation, *arguments: Any, **named: Any) -> Any:
        """Call the operation, and die before or after it if this is the time."""
        if self._when == "before" and next(self._count) == self._nth:
            self._die(arguments, None)
        answer = await operation(*arguments, **named)
        if self._when == "after" and not self._changed_nothing(answer) and next(self._count) == self._nth:
            self._die(arguments, answer)
        return answer

    def _changed_nothing(self, answer: Any) -> bool:
        return _CHANGED_NOTHING.get(self.operation, lambda _: False)(answer)

    def _die(self, arguments: Sequence[Any], answer: Any) -> None:
        ids = _IDS.get(self.operation, lambda *_: [])(arguments, answer)
        write(self._receipts, FailedAt(point=self._name, jobs=ids))
        write(self._receipts, WorkerKilled(pid=os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)


def interrupted(driver: Driver, failpoint: Failpoint | None) -> Driver:
    """Return a driver that crosses the failpoint, if there is one."""
    return driver if failpoint is None else cast("Driver", _Interrupted(driver, failpoint))


class _Interrupted:
    def __init__(self, driver: Driver, failpoint: Failpoint) -> None:
        self._driver = driver
        self._failpoint = failpoint

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._driver, name)
        crosses = _KINDS.get(name, name) == self._failpoint.operation
        return partial(self._failpoint.cross, attribute) if crosses else attribute

    def __repr__(self) -> str:
        return repr(self._driver)
