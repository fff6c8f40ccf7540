"""Queues in the memory of one process, where no other process arrives."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Final

from aioqueue.cli.exits import CannotStart
from aioqueue.cli.running.settings import Settings
from aioqueue.queue import Queue

logger: Final = logging.getLogger("aioqueue")


def refuse_to_be_several(queues: Sequence[Queue]) -> None:
    """Raise `CannotStart` for a queue of which each of several workers would have its own."""
    for queue in queues:
        if _is_in_memory(queue):
            raise CannotStart(f"{queue!r} is in the memory of one process: several workers would each have their own")


def warn_that_nobody_else_arrives(queues: Sequence[Queue], settings: Settings) -> None:
    """Log of each queue in memory that other programs cannot enqueue here; its own periodic tasks are use enough."""
    for queue in queues:
        if _is_in_memory(queue) and not (settings.periodic and queue.periodic):
            logger.warning(
                "queue %r is in the memory of this process, so what any other program enqueues never arrives here; "
                "name a store that they share, in Queue(...) or AIOQUEUE_URL: redis://host or sqlite:///file",
                queue.name,
            )


def _is_in_memory(queue: Queue) -> bool:
    memory = sys.modules.get("aioqueue.drivers.memory")  # a queue there has imported it; other workers do without
    return memory is not None and isinstance(queue.store(), memory.MemoryDriver)
