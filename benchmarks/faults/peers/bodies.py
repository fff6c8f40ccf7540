"""What every peer's job does: a receipt when it starts, a nap, a receipt when it ends; or it ends its process.

`FAULTS_TIMEOUT` is the timeout, in seconds, after which each peer is told to give up on a worker or on a job.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

from receipts import write

TIMEOUT = float(os.environ["FAULTS_TIMEOUT"])
DELIVERIES = 5
POISON = "poison"
STEP = 0.5


async def _no_sign() -> None:
    """Say nothing: of most peers the worker says it lives, not the job."""


async def nap(number: int, seconds: float, what: str, sign: Callable[[], Awaitable[object]] = _no_sign) -> None:
    """The body as a coroutine; `sign` is called now and then by peers whose jobs say themselves that they live."""
    write("started", number)
    if what == POISON:
        os._exit(1)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left, STEP))
        await sign()
    write("ended", number)


def nap_in_thread(number: int, seconds: float, what: str) -> None:
    """The body as a plain function."""
    write("started", number)
    if what == POISON:
        os._exit(1)
    time.sleep(seconds)
    write("ended", number)
