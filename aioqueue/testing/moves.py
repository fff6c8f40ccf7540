"""Moving the time of stores, and putting back what was moved."""

from __future__ import annotations

import asyncio
import time
import warnings
from contextlib import ExitStack
from typing import Final

from aioqueue.errors import StoreUnavailable
from aioqueue.queue import Queue
from aioqueue.session import Session
from aioqueue.testing.apart import run_apart

_PAUSES_BETWEEN_TRIES: Final = (0.1, 0.3, 1.0)
_NOISE: Final = 0.25  # seconds by which two looks at one clock may differ


class Moves:
    """All that was moved in a test. In a store that several queues share each has a time of its own, by its name."""

    def __init__(self) -> None:
        self._moved: dict[Session, _Moved] = {}

    async def move(self, queue: Queue, target: float) -> bool:
        """Move a queue's time forward to `target`, in the store's Unix seconds; False if it is that late already.

        Raises `StoreUnavailable`; whether time has moved then is seen when it is put back.
        """
        session = await queue.session()
        now = await session.driver.now()
        if now >= target:
            return False
        moved = self._moved.setdefault(session, _Moved(queue, now - time.time()))
        moved.asked += target - now
        await session.driver.shift(target - now)
        return True

    def put_back(self) -> None:
        """Put back the time of every store that was moved, the last one first; harmless when done.

        A store that stays away for some seconds is named in a `RuntimeWarning`, and keeps none of the others.
        """
        with ExitStack() as last_first:
            for moved in self._moved.values():
                last_first.callback(moved.put_back)
            self._moved.clear()


class _Moved:
    """How far the time of one store was moved through one session: `asked`, in seconds.

    What it is put back by is what the store shows. The reply to a move can be lost after the store has moved, and what
    was stored of the time may be gone.
    """

    def __init__(self, queue: Queue, ahead: float) -> None:
        self.asked = 0.0
        self._driver = queue.driver()
        self._name = repr(queue)
        self._ahead = ahead  # of this machine's clock, before any of it

    def put_back(self) -> None:
        try:
            run_apart(self._put_back)
        except StoreUnavailable as error:
            warnings.warn(
                f"the time of {self._name} may still be {self.asked:.0f} s ahead, it could not be put back: {error}",
                RuntimeWarning,
                stacklevel=2,
            )

    async def _put_back(self) -> None:
        for pause in _PAUSES_BETWEEN_TRIES:
            try:
                return await self._try_to()
            except StoreUnavailable:
                await asyncio.sleep(pause)
        return await self._try_to()

    async def _try_to(self) -> None:
        driver = self._driver.clone()
        try:
            await driver.open()
            length = self._still_moved(await driver.now() - time.time() - self._ahead)
            if length:
                await driver.shift(-length)
        finally:
            await driver.close()

    def _still_moved(self, seen: float) -> float:
        """Return by how much to put it back where it is seen to be `seen` seconds ahead: no more than was asked for."""
        exact = min((0.0, self.asked), key=lambda length: abs(seen - length))
        return exact if abs(seen - exact) < _NOISE else min(max(seen, 0.0), self.asked)
