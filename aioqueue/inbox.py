"""News of jobs as they travel between processes, and the buffer that one reader takes them from."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

import msgspec

from aioqueue.logtext import many

logger: Final = logging.getLogger("aioqueue")

BUFFERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one job, as JSON on the wire.

    `status` is enqueued, scheduled, revoked, started, finished, error, retrying or expired; `id` the job's, `task` the
    task's name; `retries` are those left, `retry_delay` seconds, `execute_time` the Unix time at which a scheduled job
    is due; `traceback` is the text of an error's. A `progress` has a `number`, `done` of `total`, and a `note`.
    """

    status: str
    id: str
    task: str
    retries: int
    retry_delay: float
    execute_time: float | None
    error: bool
    traceback: str | None
    number: int = 0
    done: float | None = None
    total: float | None = None
    note: str = ""


encode_event: Final = msgspec.json.Encoder().encode
decode_event: Final = msgspec.json.Decoder(Event).decode


class Mark(Enum):
    """What a reader hears beside events."""

    NOTED = "there may be new notes"
    ENDED = "the job has finished"
    CLOSED = "the queue has been closed"


Item: TypeAlias = Event | Mark


class Inbox:
    """A bounded buffer for one reader: what a slow reader does not take is dropped, the end never is.

    That events are dropped is logged as it begins, and how many they were when the reader has caught up.
    """

    def __init__(self) -> None:
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._is_noted = False
        self._dropped = 0

    def put(self, item: Item) -> None:
        """Add an event or a mark; that there are new notes need not be said twice."""
        if item is Mark.NOTED:
            if self._is_noted:
                return
            self._is_noted = True
        elif isinstance(item, Event) and self._items.qsize() >= BUFFERED:
            self._drop()
            return
        self._items.put_nowait(item)

    async def take(self) -> Item:
        """Return the next item."""
        item = await self._items.get()
        if item is Mark.NOTED:
            self._is_noted = False
        if self._dropped and self._items.empty():
            logger.warning("a reader of events has caught up; it was not given %s", many(self._dropped, "event"))
            self._dropped = 0
        return item

    def _drop(self) -> None:
        if not self._dropped:
            logger.warning("events are dropped: their reader is %d behind", BUFFERED)
        self._dropped += 1
