"""What one driver subscribes to, and what it publishes."""

from __future__ import annotations

import asyncio
from typing import Final

from aioqueue.drivers.base import HearNews
from aioqueue.drivers.sqlite import notes, topics
from aioqueue.drivers.sqlite.errand import Errand
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.errors import StoreUnavailable

_PAUSE: Final = 0.5


class Subscribing:
    """Calls who subscribes here: at once with this driver's news, after a look into the file with those of others."""

    def __init__(self, hand_over: HandOver) -> None:
        self._hand_over = hand_over
        self._hears: dict[str, HearNews] = {}
        self._seen = 0
        self._files = 0  # that have taken the place of the first
        self._known_in = 0
        self._fetching: Errand | None = None

    @property
    def is_used(self) -> bool:
        """Whether anyone subscribes here."""
        return bool(self._hears)

    def ring(self) -> None:
        """Fetch what others have published."""
        if self._fetching:
            self._fetching.ring()

    def renew(self) -> None:
        """Subscribe anew to every topic, in a file that knows nothing of it."""
        self._seen = 0
        self._files += 1
        self.ring()

    async def add(self, topic: str, hear: HearNews) -> None:
        """Subscribe to a topic; whoever is told here is an audience in the file too."""
        self._fetching = self._fetching or Errand(self._fetch)
        await self._hand_over.write(topics.subscribe, topic)
        self._hears[topic] = hear

    async def remove(self, topic: str) -> None:
        """Unsubscribe from a topic."""
        if self._hears.pop(topic, None):
            await self._hand_over.write(topics.unsubscribe, topic)

    async def publish(self, topic: str, data: bytes) -> int:
        """Tell all who subscribe to a topic, and return how many they are; only for others is anything written."""
        others = await self._hand_over.read(topics.other_subscribers, topic)
        if others:
            await self._hand_over.write(topics.post, topic, data)
        return len(others) + self._tell(topic, data)

    async def note(self, job_id: str, data: bytes, ttl: float) -> int:
        """Add a note to a job, tell all who subscribe to its notes, and return its number."""
        number = await self._hand_over.write(notes.note, job_id, data, ttl)
        self._tell(notes.topic_of(job_id), data)
        return number

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching:
            await self._fetching.close()

    async def _fetch(self) -> None:
        await self._subscribe_anew()
        file = self._files
        while posts := await self._hand_over.read(topics.news_since, self._seen):
            for post in posts:
                self._tell(post.topic, post.data)
            if file != self._files:  # these numbers are of a file that is gone, and the next has been rung for
                return
            self._seen = posts[-1].number

    async def _subscribe_anew(self) -> None:
        """Make every topic known in the file that is there now; until then nobody rings, so that it is tried again."""
        while self._known_in != self._files:
            file = self._files
            try:
                for topic in [*self._hears]:
                    await self._hand_over.write(topics.subscribe, topic)
                self._known_in = file
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)

    def _tell(self, topic: str, data: bytes) -> bool:
        """Pass on news, and tell whether anyone here subscribes to them.

        They are heard in a turn of the loop of their own: what is wrong with `hear` is not the publisher's matter.
        """
        hear = self._hears.get(topic)
        if hear:
            self._hand_over.loop.call_soon(hear, topic, data)
        return hear is not None
