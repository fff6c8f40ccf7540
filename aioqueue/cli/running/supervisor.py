"""The process that watches over worker processes; it imports no application."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Final

from aioqueue.cli.health import health_server
from aioqueue.cli.running.child import Child, start_child
from aioqueue.cli.running.place import Place
from aioqueue.cli.running.settings import Settings
from aioqueue.cli.running.signals import heed_signals
from aioqueue.cli.running.systemd import Systemd
from aioqueue.cli.running.titles import set_title, supervisor_title
from aioqueue.cli.running.watching import refuse_without_watchfiles, watch_code
from aioqueue.worker.racing import first_of

logger: Final = logging.getLogger("aioqueue")

_LAST_WORDS: Final = 15.0
_TOLD_BY_CHILDREN: Final = (1, 2, 3)


def supervise(settings: Settings, systemd: Systemd) -> int:
    """Keep `settings.workers` processes running until a signal ends them, or a burst itself; return the exit code."""
    if settings.reload:
        refuse_without_watchfiles()
    set_title(supervisor_title(settings))
    return asyncio.run(_Supervisor(settings, systemd).run())


class _Supervisor:
    """Starts the processes, passes signals on, and replaces the processes one by one when their code has changed.

    If the first one cannot even be started the first time, it ends with that one's exit code.
    """

    def __init__(self, settings: Settings, systemd: Systemd) -> None:
        self._settings = settings
        self._systemd = systemd
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._renewal = asyncio.Event()
        self._children: set[Child] = set()
        self._attending: list[asyncio.Task[None]] = []
        self._places = [
            Place(number, self._start, self._stopping, burst=settings.burst)
            for number in range(1, settings.workers + 1)
        ]
        self._filled_once: set[int] = set()
        self._was_ready = False
        self._code = 0

    async def run(self) -> int:
        async with AsyncExitStack() as stack:
            if self._settings.health_port is not None:
                health = health_server(self._settings.health_port, lambda: True, lambda: bool(self._healthy))
                port = await stack.enter_async_context(health)
                logger.info("health on http://127.0.0.1:%d/livez and /readyz", port)
            heed_signals(self._stop, self._renewal.set)
            logger.info("supervising %d worker%s", len(self._places), "s" * (len(self._places) != 1))
            await first_of(
                self._work(),
                self._renew_when_asked(),
                self._end_the_slow(),
                self._systemd.keep_alive(),
                *([watch_code(self._renewal.set)] if self._settings.reload else []),
            )
        if not self._code:
            logger.info("all workers have ended")
        return self._code

    @property
    def _healthy(self) -> int:
        return sum(child.is_healthy for child in self._children)

    async def _work(self) -> None:
        """Fill all places and keep them filled; return when every process has ended."""
        self._code = await self._try_one()
        if not self._code:
            async with asyncio.TaskGroup() as places:
                for place in self._places:
                    places.create_task(place.keep())
        await asyncio.gather(*self._attending)

    async def _try_one(self) -> int:
        """Start one process first, so that what keeps it from starting is said once; return its exit code, or 0."""
        child = await self._places[0].fill()
        if child is None or await child.started() or self._stopping.is_set():
            return 0
        code = max(child.code or 0, 0)
        if code:
            logger.error("worker %d ended with code %d before it was ready", child.number, code)
        return code if code in _TOLD_BY_CHILDREN else min(code, 1)

    async def _start(self, number: int) -> Child:
        child = await start_child(number, again=number in self._filled_once, changed=self._tell)
        self._filled_once.add(number)
        logger.info("%s started", child)
        self._children.add(child)
        self._attending = [task for task in self._attending if not task.done() or task.exception()]
        self._attending.append(asyncio.create_task(self._attend(child)))
        if self._stopping.is_set():
            child.stop()
        return child

    async def _attend(self, child: Child) -> None:
        await child.attend(self._settings.health_check_interval)
        self._children.discard(child)
        if self._stopping.is_set() and child.ready.is_set() and child.code:
            logger.error("%s ended with code %d: what it ran was not all handed back", child, child.code)
            self._code = 1

    # ------------------------------------------------------------------ orders
    def _stop(self) -> None:
        if self._stopping.is_set():
            self._hurrying.set()
        else:
            logger.info("stopping: the workers end when their running jobs have, or at once at the next signal")
            self._systemd.tell("STOPPING=1")
        self._stopping.set()
        for child in self._children:
            child.stop()

    async def _end_the_slow(self) -> None:
        """Kill those that do not even hand back their jobs; never returns."""
        await self._hurrying.wait()
        await asyncio.sleep(_LAST_WORDS)
        for child in self._children:
            logger.error("%s does not end: it is killed", child)
            child.kill()
        await asyncio.Event().wait()

    async def _renew_when_asked(self) -> None:
        """Replace all processes whenever that is asked for; never returns."""
        while True:
            await self._renewal.wait()
            self._renewal.clear()
            self._systemd.tell_reloading()
            await self._renew_all()
            if self._was_ready and not self._stopping.is_set():
                self._systemd.tell("READY=1")

    async def _renew_all(self) -> None:
        for place in self._places:
            if self._stopping.is_set():
                return
            if not await place.renew():
                others = any(child.ready.is_set() for child in self._children)
                logger.error(
                    "a fresh worker does not start%s",
                    ": the others go on as they are, with the code they have" if others else ", and no other one runs",
                )
                return
        logger.info("all workers run fresh code")

    # ------------------------------------------------------------------ news
    def _tell(self) -> None:
        """Tell systemd how many work, and once that all do."""
        self._systemd.tell(f"STATUS={self._healthy} of {len(self._places)} workers ready")
        if not self._was_ready and all(place.child and place.child.ready.is_set() for place in self._places):
            self._was_ready = True
            self._systemd.tell("READY=1")
