"""News of jobs as they are read here: heard and decoded once, and given to those who read about that job."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import msgspec

from aioqueue.drivers.base import EVENTS_TOPIC, Driver
from aioqueue.errors import StoreUnavailable
from aioqueue.inbox import Inbox, Item, Mark, decode_event
from aioqueue.notes import Notes
from aioqueue.subscriptions import Subscriptions

logger: Final = logging.getLogger("aioqueue")

_ANY_JOB: Final = ""
_NOTES: Final = "notes:"


class Newsroom:
    """Gives an inbox to each reader. Belongs to one running loop.

    However many read, the store is subscribed to once for the events of all jobs, and once for the notes of each job,
    which are fetched together for all who look at the same time.
    """

    def __init__(self, driver: Driver) -> None:
        self.notes: Final = Notes(driver)
        self._subscriptions = Subscriptions(driver)
        self._inboxes: dict[str, set[Inbox]] = {}  # by the id of the job that is read about
        self._closed = False

    @asynccontextmanager
    async def reading(self, job_id: str = _ANY_JOB) -> AsyncIterator[Inbox]:
        """Have what is told of one job, or of all, for the length of a block; `Mark.CLOSED` is the last of it.

        Raises `StoreUnavailable` if nothing can be heard now.
        """
        if self._closed:
            raise StoreUnavailable("the queue has been closed")
        inbox = Inbox()
        self._inboxes.setdefault(job_id, set()).add(inbox)
        try:
            async with AsyncExitStack() as subscribed:
                if job_id != _ANY_JOB:
                    await subscribed.enter_async_context(
                        self._subscriptions.to(f"{_NOTES}{job_id}", self._hear_of_note)
                    )
                await subscribed.enter_async_context(self._subscriptions.to(EVENTS_TOPIC, self._hear_event))
                yield inbox
        finally:
            self._leave(job_id, inbox)

    def look_again(self) -> None:
        """Have every reader of one job look for notes: that there are new ones may have been missed."""
        self._put(Mark.NOTED, self._inboxes.keys() - {_ANY_JOB})

    async def close(self) -> None:
        """Tell all readers that nothing more will come."""
        self._closed = True
        self._put(Mark.CLOSED, self._inboxes)
        await self._subscriptions.close()
        await self.notes.close()

    def _leave(self, job_id: str, inbox: Inbox) -> None:
        readers = self._inboxes[job_id]
        readers.discard(inbox)
        if not readers:
            del self._inboxes[job_id]

    def _hear_of_note(self, topic: str, _data: bytes) -> None:
        self._put(Mark.NOTED, [topic.removeprefix(_NOTES)])

    def _hear_event(self, _topic: str, data: bytes) -> None:
        try:
            event = decode_event(data)
        except msgspec.DecodeError as error:
            logger.debug("an event cannot be read: %s", error)
            return
        self._put(event, (event.id, _ANY_JOB))

    def _put(self, item: Item, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            for inbox in self._inboxes.get(job_id, ()):
                inbox.put(item)
