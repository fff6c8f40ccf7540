"""Who wants to hear what is published. Used under the store's lock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aioqueue.drivers.base import HearNews
from aioqueue.drivers.memory.loops import call_on
from aioqueue.drivers.memory.watchers import Ear


@dataclass(slots=True, eq=False)
class Subscription:
    """What to call for one topic, and on which loop. Deaf once it has ended."""

    topic: str
    loop: asyncio.AbstractEventLoop
    hear: HearNews | None

    def tell(self, data: bytes) -> None:
        """Have the news heard."""
        if self.hear is not None:
            self.hear(self.topic, data)


class Topics:
    """The subscriptions of a queue: one a topic and ear."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, dict[Ear, Subscription]] = {}

    def subscribe(self, topic: str, ear: Ear, hear: HearNews) -> None:
        """Have the running loop hear of a topic, in place of what this ear heard of it with before."""
        self.unsubscribe(topic, ear)
        subscription = Subscription(topic, asyncio.get_running_loop(), hear)
        self._subscriptions.setdefault(topic, {})[ear] = subscription

    def unsubscribe(self, topic: str, ear: Ear) -> None:
        """End a subscription, if there is one."""
        ears = self._subscriptions.get(topic, {})
        subscription = ears.pop(ear, None)
        if subscription is not None:
            subscription.hear = None
        if not ears:
            self._subscriptions.pop(topic, None)

    def forget(self, ear: Ear) -> None:
        """End every subscription of an ear."""
        for topic in list(self._subscriptions):
            self.unsubscribe(topic, ear)

    def publish(self, topic: str, data: bytes) -> int:
        """Tell the subscribers of a topic; answer how many were told."""
        subscriptions = self._subscriptions.get(topic, {}).values()
        return sum(call_on(subscription.loop, subscription.tell, data) for subscription in subscriptions)

    def has_subscribers(self, topic: str) -> bool:
        """Tell whether anyone subscribes to a topic."""
        return topic in self._subscriptions
