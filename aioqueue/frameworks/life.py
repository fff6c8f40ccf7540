"""What an application opens when it starts and closes when it ends: its queues, and a worker if it wants one inside."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

from aioqueue.queue import Queue
from aioqueue.worker.worker import Worker

WorkerOptions: TypeAlias = Mapping[str, Any]


def check(caller: str, queues: Sequence[object], worker: object) -> None:
    """Raise `TypeError` for what is no queue, and for options that no worker takes; `caller` says where."""
    if not queues:
        raise TypeError(f"{caller}() takes the queues of the application, at least one: {caller}(queue)")
    for queue in queues:
        if not isinstance(queue, Queue):
            raise TypeError(f"{caller}() takes queues, not {queue!r}; it is called with them: {caller}(queue)")
    if worker is None:
        return
    if not isinstance(worker, Mapping):
        raise TypeError(f"{caller}(worker=...) takes the options of a worker as a dict, not {worker!r}")
    try:
        inspect.signature(Worker).bind(*queues, **worker)
    except TypeError as error:
        raise TypeError(f"{caller}(worker=...): {error}") from None


@asynccontextmanager
async def living(queues: Sequence[Queue], worker: WorkerOptions | None) -> AsyncIterator[None]:
    """Open the queues, run a worker on them if `worker` has its options, and end all of it, whatever happens.

    Raises `StoreUnavailable` if a store cannot be reached at the start; what was opened before is closed then.
    """
    async with AsyncExitStack() as last_first:
        for queue in queues:
            await last_first.enter_async_context(queue)
        if worker is not None:
            await last_first.enter_async_context(Worker(*queues, **worker))
        yield
