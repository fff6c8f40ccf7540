"""The line between a supervised process and its supervisor: signs of life one way, and its end the other.

The process sends a word a line: `ready` when it begins to claim, `beat yes` or `beat no` while its loop turns, for
whether it could renew its leases, and `again` before it ends to be started anew. The supervisor sends nothing: the
system closes its end when it is gone, however it went.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, TypeAlias

logger: Final = logging.getLogger("aioqueue")

Word: TypeAlias = Literal["ready", "beat yes", "beat no", "again"]

_MOST_SECONDS: Final = 2.0
_BEATS_PER_INTERVAL: Final = 10


class Line:
    """The supervised process's end of the line, for when the supervisor is gone.

    A process that has nothing to lose yet, or whose loop does not turn then for `patience` seconds, is ended by SIGKILL
    with all that its process group runs: nobody else would.
    """

    def __init__(self, descriptor: int, patience: float) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._patience = patience
        self._loop: asyncio.AbstractEventLoop | None = None
        self._orphaned: Callable[[], None] = _end_this_group
        # A thread, because whoever blocks the loop keeps it from seeing that nobody watches it any more.
        threading.Thread(target=self._wait_for_the_end, name="aioqueue-supervisor", daemon=True).start()

    def when_orphaned(self, orphaned: Callable[[], None]) -> None:
        """From now on have `orphaned` called on the running loop when the supervisor is gone."""
        self._orphaned, self._loop = orphaned, asyncio.get_running_loop()

    def say(self, word: Word) -> None:
        """Tell the supervisor; without one, or with one that has long not listened, it goes unheard."""
        with suppress(OSError):
            self._socket.send(f"{word}\n".encode(), socket.MSG_DONTWAIT)

    async def beat(self, interval: float, is_healthy: Callable[[], bool]) -> None:
        """Give signs of life, ten in `interval` seconds and at least one in two; never returns."""
        pause = min(interval / _BEATS_PER_INTERVAL, _MOST_SECONDS) if interval else _MOST_SECONDS
        while True:
            self.say("beat yes" if is_healthy() else "beat no")
            await asyncio.sleep(pause)

    def _wait_for_the_end(self) -> None:
        with suppress(OSError):
            while self._socket.recv(1):
                pass
        if self._loop is None:
            _end_this_group()
        self._tell(self._orphaned)
        turned = threading.Event()
        while self._tell(turned.set):
            if not turned.wait(self._patience):
                logger.error("the supervisor is gone and the event loop is blocked: this process ends now")
                _end_this_group()
            turned.clear()
            time.sleep(self._patience)
        time.sleep(self._patience)  # the rest of the way out, which this thread is not to see the end of
        _end_this_group()

    def _tell(self, callback: Callable[[], None]) -> bool:
        """Call on the loop; False if that has been closed."""
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return False
        return True


def _end_this_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
