"""Who wants to hear of which finished job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aioqueue.drivers.base import Hear, Settled
from aioqueue.drivers.memory.fading import Fading
from aioqueue.drivers.memory.loops import call_on


@dataclass(slots=True, eq=False)
class Ear:
    """One driver's listener: what to call, and on which loop. Deaf until `listen`."""

    loop: asyncio.AbstractEventLoop | None = None
    hear: Hear | None = None

    def close(self) -> None:
        """Hear nothing more."""
        self.loop = self.hear = None

    def tell(self, news: Sequence[Settled]) -> None:
        """Have the listener hear of finished jobs, soon, on its own loop."""
        if self.loop is not None:
            call_on(self.loop, self._listen_to, news)

    def _listen_to(self, news: Sequence[Settled]) -> None:
        for settled in news:
            if self.hear is not None:
                self.hear(settled.id, settled)


class Watchers:
    """The registrations of all listeners of a queue, each with its ttl. Used under the store's lock."""

    def __init__(self) -> None:
        self._ears: Fading[str, dict[Ear, float]] = Fading()

    def register(self, job_id: str, ear: Ear, until: float, now: float) -> None:
        """Have `ear` told when the job finishes, if that is before `until`."""
        ears = self._ears.get(job_id, now) or {}
        ears[ear] = until
        self._ears.put(job_id, ears, max(ears.values()), now)

    def unregister(self, job_id: str, ear: Ear, now: float) -> None:
        """Forget that `ear` wants to hear of the job."""
        ears = self._ears.get(job_id, now)
        if ears is None:
            return
        ears.pop(ear, None)
        if not ears:
            self._ears.remove(job_id)

    def tell(self, news: Sequence[Settled], now: float) -> None:
        """Tell each finished job to those who wait for it, once."""
        heard: dict[Ear, list[Settled]] = {}
        for settled in news:
            ears = self._ears.get(settled.id, now) or {}
            self._ears.remove(settled.id)
            for ear, until in ears.items():
                if now < until:
                    heard.setdefault(ear, []).append(settled)
        for ear, lot in heard.items():
            ear.tell(lot)
