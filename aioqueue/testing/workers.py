"""Workers of a test's own, on its loop; and one that dies at the worst moment."""

from __future__ import annotations

import uuid
from typing import Any, Final

from aioqueue.queue import Queue
from aioqueue.testing.asked import asked_queues
from aioqueue.worker.worker import Worker

# A body that hangs is a test that fails: nobody waits half a minute for it.
DEFAULTS: Final = {"shutdown_timeout": 5.0}

_DEAD_LEASE: Final = 0.1
_MOST_JOBS: Final = 1_000


class Workers:
    """Called with queues, gives a worker for them; it takes the options of `aioqueue.Worker`.

    Nothing runs before `await worker.drain()`, which runs what is due and returns, or `async with worker:`, which runs
    it for the length of the block.
    """

    def __call__(self, *queues: Queue, **options: Any) -> Worker:
        """Return a worker for these queues."""
        first, *more = asked_queues("aioqueue_worker", queues)
        return Worker(first, *more, **{**DEFAULTS, **options})

    async def vanish(self, *queues: Queue) -> None:
        """Be a worker that claims what is due, up to a thousand jobs a queue, and is killed before it settles any.

        Their state is running, until their lease has run out: `await aioqueue_clock(queue).advance(30)`.
        """
        for queue in asked_queues("aioqueue_worker.vanish", queues):
            driver = (await queue.session()).driver
            incarnation = uuid.uuid4().hex
            await driver.register(incarnation, _DEAD_LEASE, b"")
            await driver.promote(_MOST_JOBS)
            await driver.claim(incarnation, 1, _MOST_JOBS, _MOST_JOBS)
