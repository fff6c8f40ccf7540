"""Calls that leave the event loop, for anyio's threads and processes.

anyio takes a fifteenth of a worker's start to import, and many workers run nothing but coroutines: it is imported for
the first plain function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from anyio import CapacityLimiter

T = TypeVar("T")


class ChildLostError(Exception):
    """The process that ran a call has died."""


def prepare() -> None:
    """Import what calls need, before a loop has to wait for it."""
    _unlimited()


async def in_thread(call: Callable[[], T], *, abandon_on_cancel: bool = False) -> T:
    """Run a call in a thread and return its value; cancelled, wait for its end all the same, or leave it behind.

    No limit holds here, that of the application neither: whoever calls bounds how many there are.
    """
    import anyio.to_thread  # noqa: PLC0415

    return await anyio.to_thread.run_sync(call, abandon_on_cancel=abandon_on_cancel, limiter=_unlimited())


async def in_process(call: Callable[[], T]) -> T:
    """Run a call in a child process and return its value; cancelled, kill the child. Raises `ChildLostError`."""
    import anyio.to_process  # noqa: PLC0415

    try:
        return await anyio.to_process.run_sync(call, cancellable=True, limiter=_unlimited())
    except anyio.BrokenWorkerProcess:
        raise ChildLostError from None


@cache
def _unlimited() -> CapacityLimiter:
    import anyio.to_process  # noqa: PLC0415
    import anyio.to_thread  # noqa: PLC0415

    return anyio.CapacityLimiter(math.inf)
