"""Threads with a life: startup hooks before the first body in each, shutdown hooks after its last."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Final, TypeAlias

from aioqueue.hooks import Hooks
from aioqueue.offload import in_thread

logger: Final = logging.getLogger("aioqueue")

LONGEST_GOODBYE: Final = 5.0

Answer: TypeAlias = tuple[object, BaseException | None]
_Errand: TypeAlias = Callable[[BaseException | None], None]


class Threads:
    """The threads of one worker for one queue that has hooks for them; they are made as needed and end at `close`.

    The hooks run in the thread while it lives: what it keeps in a `threading.local` is there for all of them.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._idle: list[_Thread] = []
        self._all: set[_Thread] = set()

    async def run(self, body: Callable[[], Answer]) -> Answer:
        """Run `body`, which raises nothing, in a thread; being cancelled leaves the thread behind, inside it.

        A startup hook that raises is the answer, and ends its thread.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        thread = self._idle.pop() if self._idle else self._start()
        context = copy_context()

        def errand(broken: BaseException | None) -> None:
            is_wanted = broken is None and not answered.cancelled()
            answer = context.run(body) if is_wanted else (None, broken)
            with suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(self._answer, thread, answered, answer, broken is None)

        thread.errands.put(errand)
        return await answered

    async def close(self) -> None:
        """End the threads, and wait for those that are not inside a body."""
        idle, self._idle = self._idle, []
        ending, self._all = self._all, set()
        for thread in ending:
            thread.errands.put(None)
        await in_thread(partial(_join, idle))

    def _start(self) -> _Thread:
        thread = _Thread(self._hooks)
        self._all.add(thread)
        thread.start()
        return thread

    def _answer(self, thread: _Thread, answered: asyncio.Future[Answer], answer: Answer, lives: bool) -> None:
        if not lives:
            self._all.discard(thread)
        elif thread in self._all:  # else it was left behind, and ends now
            self._idle.append(thread)
        if not answered.done():
            answered.set_result(answer)


class _Thread(threading.Thread):
    def __init__(self, hooks: Hooks) -> None:
        super().__init__(name="aioqueue-body")
        self.errands: queue.SimpleQueue[_Errand | None] = queue.SimpleQueue()
        self._hooks = hooks

    def run(self) -> None:
        try:
            self._hooks.start_here("thread")
        except BaseException as error:  # noqa: BLE001 -- it is the error of the job that came first
            errand = self.errands.get()
            if errand is not None:
                errand(error)
            return
        while (errand := self.errands.get()) is not None:
            errand(None)
        self._hooks.stop_here("thread")


def _join(threads: list[_Thread]) -> None:
    for thread in threads:
        thread.join(LONGEST_GOODBYE)
        if thread.is_alive():
            logger.warning("the shutdown hooks of a thread take longer than %g s: it is left behind", LONGEST_GOODBYE)
