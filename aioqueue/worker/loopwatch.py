"""Watching the event loop: how late it is, and what blocks it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aioqueue.logtext import one_line
from aioqueue.offload import in_thread

logger: Final = logging.getLogger("aioqueue")

LOOKS_PER_LIMIT: Final = 2
_THE_LOOP: Final = frozenset(("asyncio/runners.py", "asyncio/base_events.py", "asyncio/events.py"))


class LoopWatch:
    """Pings the loop from a thread of its own; a loop that lets a ping wait for longer than `limit` seconds is blocked.

    So is one whose process lets this thread not run for that long: a call that holds the GIL does that.

    Each block is logged once, with the stack that blocks and the id and task of the job that `whose` says its
    asyncio.Task belongs to, and counted in `blocks`. `lag` is for how many seconds the last ping waited.
    """

    def __init__(self, limit: float, whose: Callable[[asyncio.Task[Any]], tuple[str, str] | None]) -> None:
        self.lag: float = 0.0
        self.blocks: int = 0
        self._limit = limit
        self._whose = whose
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._pinged_at: float | None = None
        self._reported = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="aioqueue-loopwatch", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    async def stop(self) -> None:
        """Stop watching."""
        self._stopping.set()
        if self._thread.ident is not None:
            # Not with the limiter that the application shares: all its threads may be busy for long.
            await in_thread(self._thread.join)

    def _watch(self) -> None:
        interval = self._limit / LOOKS_PER_LIMIT
        asleep_since = time.monotonic()
        while not self._stopping.wait(interval):
            try:
                self._look(time.monotonic() - asleep_since - interval)
                asleep_since = time.monotonic()
            except RuntimeError:  # the loop has been closed without a stop
                return

    def _look(self, overslept: float = 0.0) -> None:
        now, pinged_at = time.monotonic(), self._pinged_at  # which the loop sets to None whenever it likes
        if pinged_at is not None:
            self.lag = now - pinged_at
            self._judge()
            return
        held_up = overslept >= self._limit
        if held_up:
            self.lag = overslept
            self._judge()
        self._pinged_at = now - overslept if held_up else now
        self._loop.call_soon_threadsafe(self._answer)

    def _judge(self) -> None:
        if self.lag >= self._limit and not self._reported:
            self._reported = True
            self.blocks += 1
            self._report()

    def _answer(self) -> None:
        assert self._pinged_at is not None
        self.lag = time.monotonic() - self._pinged_at
        self._pinged_at = None
        if self._reported:
            self._reported = False
            logger.warning("the event loop turns again: it was blocked for %.1f s", self.lag)

    def _report(self) -> None:
        # A loop that was blocked by a call which held the GIL goes on as soon as this thread waits for anything.
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 -- the documented way to another thread's stack
        blocking = asyncio.current_task(self._loop)
        job = self._whose(blocking) if blocking is not None else None
        stack = "".join(_below_the_loop(traceback.extract_stack(frame)).format()) if frame is not None else "(unknown)"
        culprit = " by job {} of {}".format(*map(one_line, job)) if job is not None else ""
        about = {"job_id": job[0], "task_name": job[1]} if job is not None else {}
        logger.warning("the event loop is blocked for %.1f s%s, in:\n%s", self.lag, culprit, stack, extra=about)


def _below_the_loop(stack: traceback.StackSummary) -> traceback.StackSummary:
    """Leave out how the loop itself was started."""
    inside = [number for number, frame in enumerate(stack, 1) if "/".join(Path(frame.filename).parts[-2:]) in _THE_LOOP]
    below = stack[max(inside, default=0) :]
    return traceback.StackSummary.from_list(below or stack)
