"""One worker process, from the import of its queues to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, NoReturn

from aioqueue.cli.application import load_queue
from aioqueue.cli.exits import CannotStart, Failed, ServerUnreachable
from aioqueue.cli.loop import new_event_loop
from aioqueue.cli.running.again import Life
from aioqueue.cli.running.alone import refuse_to_be_several, warn_that_nobody_else_arrives
from aioqueue.cli.running.beats import Line
from aioqueue.cli.running.collecting import importing
from aioqueue.cli.running.freshness import why_not_afresh
from aioqueue.cli.running.settings import Settings
from aioqueue.cli.running.signals import heed_signals, stop_heeding_signals
from aioqueue.cli.running.systemd import Systemd
from aioqueue.cli.running.titles import set_title, worker_title
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.queue import Queue
from aioqueue.retry import reconnect_delays
from aioqueue.worker.racing import first_of
from aioqueue.worker.worker import Worker

logger: Final = logging.getLogger("aioqueue")

_JITTER: Final = 0.1
_ORPHANS_PATIENCE: Final = 100.0
_LEFT_UNDONE: Final = (
    "the store is away: what ran could be neither settled nor handed back; others run it when the lease has ended"
)


def load_queues(settings: Settings) -> list[Queue]:
    """Import the queues, each once; raises `CannotStart`."""
    queues = list(dict.fromkeys(load_queue(app) for app in settings.apps))
    if settings.number:
        refuse_to_be_several(queues)
    return queues


def new_worker(settings: Settings, queues: Sequence[Queue]) -> Worker:
    """Make the worker that the settings describe; raises `CannotStart`."""
    try:
        return Worker(
            *queues,
            concurrency=settings.concurrency,
            threads=settings.threads,
            processes=settings.processes,
            shutdown_timeout=settings.shutdown_timeout,
            lease=settings.lease,
            periodic=settings.periodic,
            zone=settings.zone or None,
            delay=settings.delay,
            max_delay=settings.max_delay,
            backoff=settings.backoff,
            max_tasks=settings.max_tasks and _about(settings.max_tasks),
            loop_limit=settings.loop_limit,
            name=f"{settings.name}-{settings.number}" if settings.name and settings.number else settings.name,
        )
    except (TypeError, ValueError, ConfigurationError) as error:
        raise CannotStart(str(error)) from None


def serve(settings: Settings, life: Life, systemd: Systemd, start_anew: Callable[[], NoReturn]) -> None:
    """Run a worker until it has ended, and then `start_anew` if that is what it ended for.

    Ends the process at once if threads are stuck in bodies. Raises `CannotStart`, `ServerUnreachable`, and
    `Failed` if what ran could neither be settled nor handed back.
    """
    set_title(worker_title(settings))
    line = None if life.pipe < 0 else Line(life.pipe, settings.health_check_interval or _ORPHANS_PATIENCE)
    with importing():
        worker = new_worker(settings, load_queues(settings))
    serving = _Serving(settings, life, systemd, line, worker)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serving.run())
        goes_on = serving.again and not settings.number
        if serving.left_undone and (goes_on or serving.abandoned_threads):
            logger.error(_LEFT_UNDONE)
        if goes_on:
            start_anew()
        if serving.abandoned_threads:
            _leave_threads_behind(serving.abandoned_threads, int(serving.left_undone))
        if serving.left_undone:
            raise Failed(_LEFT_UNDONE)


class _Serving:
    """A worker and what surrounds it: signals, the health port, systemd, the line to a supervisor."""

    def __init__(self, settings: Settings, life: Life, systemd: Systemd, line: Line | None, worker: Worker) -> None:
        self.again = False
        self._settings = settings
        self._life = life
        self._systemd = systemd
        self._worker = worker
        self._line = line
        self._renewal = asyncio.Event()
        self._stopping = asyncio.Event()
        self._is_started = False

    @property
    def abandoned_threads(self) -> int:
        return self._worker.abandoned_threads

    @property
    def left_undone(self) -> bool:
        return self._worker.left_undone

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            for queue in self._worker.queues:
                stack.push_async_callback(queue.close)
            await stack.enter_async_context(self._health_port())
            stack.enter_context(_one_line_for_what_keeps_it_from_starting())
            await first_of(self._work(), self._renew_when_asked(), self._systemd.keep_alive(), *self._beats())
            if self.again and self._replaces_itself:
                await stop_heeding_signals()
        if not self.left_undone:
            logger.info("starting anew" if self.again else "stopped")

    async def _work(self) -> None:
        heed_signals(self._stop, self._renewal.set)
        await self._reach_the_stores()
        await self._flush_locks()
        if not self._is_ending:
            await (self._drain() if self._settings.burst else self._worker.run(self._start))
        has_run_enough = not (self._is_ending or self._settings.burst)
        self.again = self.again or has_run_enough
        if self.again and self._line is not None:
            self._line.say("again")

    @property
    def _is_ending(self) -> bool:
        return self.again or self._stopping.is_set()

    async def _drain(self) -> None:
        self._start()
        await self._worker.drain()

    async def _reach_the_stores(self) -> None:
        """Open the queues; after a start in place of another, however often it takes, for that was the start."""
        for queue in self._worker.queues:
            for pause in reconnect_delays():
                try:
                    await queue.session()
                except StoreUnavailable as error:
                    if not self._replaces_itself or not self._life.again:
                        raise
                    logger.warning("cannot begin anew yet, trying on: %s", error)
                    await first_of(self._stopping.wait(), asyncio.sleep(pause))
                else:
                    break
                if self._stopping.is_set():
                    return

    @property
    def _replaces_itself(self) -> bool:
        return not self._settings.number

    def _start(self) -> None:
        self._is_started = True
        self._systemd.tell("READY=1", "STATUS=ready")
        if self._line is not None:
            self._line.say("ready")
        for queue in self._worker.queues:
            tasks = sorted(task.name for task in queue.registry)
            at_once = self._settings.concurrency
            logger.info("ready: %r, %d at once, tasks: %s", queue, at_once, ", ".join(tasks) or "none")
        warn_that_nobody_else_arrives(self._worker.queues, self._settings)

    async def _flush_locks(self) -> None:
        """Free all locks, but not those of workers that run beside this one, or before it, in the same command."""
        if not self._settings.flush_locks or self._life.again or self._settings.number > 1 or self._is_ending:
            return
        for queue in self._worker.queues:
            freed = await queue.flush_locks()
            logger.info("%d locks of queue %r were held: they are free now", freed, queue.name)

    # ------------------------------------------------------------------ orders
    def _stop(self) -> None:
        """End when running jobs have; asked again, hand them back at once."""
        drains_already, self.again = self.again, False
        self._stopping.set()
        self._systemd.tell("STOPPING=1")
        if not drains_already:
            self._worker.stop()

    async def _renew_when_asked(self) -> None:
        """Be started anew, with fresh code, if that can be started; never returns."""
        while True:
            await self._renewal.wait()
            self._renewal.clear()
            refusal = await why_not_afresh() if self._replaces_itself else ""
            if refusal:
                logger.error("fresh code does not start, going on with what there is: %s", refusal)
            elif not self._is_ending:
                logger.info("to be started anew when the running jobs have ended")
                self.again = True
                self._systemd.tell_reloading()
                self._worker.stop()

    # ------------------------------------------------------------------ being looked at
    def _is_healthy(self) -> bool:
        return self._is_started and not self._is_ending and self._worker.healthy

    @asynccontextmanager
    async def _health_port(self) -> AsyncIterator[None]:
        """Answer on the health port, which the supervisor has if there is one."""
        if self._settings.health_port is None or self._settings.number:
            yield
            return
        from aioqueue.cli.health import health_server  # noqa: PLC0415 -- most workers have no such port

        async with health_server(self._settings.health_port, lambda: True, self._is_healthy) as port:
            logger.info("health on http://127.0.0.1:%d/livez and /readyz", port)
            yield

    def _beats(self) -> list[Coroutine[Any, Any, None]]:
        if self._line is None:
            return []
        self._line.when_orphaned(self._be_orphaned)
        return [self._line.beat(self._settings.health_check_interval, self._is_healthy)]

    def _be_orphaned(self) -> None:
        logger.warning("the supervisor is gone: ending when the running jobs have")
        self._stop()


@contextmanager
def _one_line_for_what_keeps_it_from_starting() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise ServerUnreachable(str(error)) from None
    except ConfigurationError as error:
        raise CannotStart(str(error)) from None


def _about(count: int) -> int:
    """Return a number near `count`, so that workers which began together do not all start anew at the same time."""
    return max(round(count * random.uniform(1 - _JITTER, 1 + _JITTER)), 1)  # noqa: S311


def _leave_threads_behind(count: int, code: int) -> NoReturn:
    # A thread cannot be stopped from outside, and Python would wait for it at exit. Nothing of it is waited for.
    logger.warning("%d threads are still inside tasks that were stopped: they end with the process", count)
    flush_output()
    os._exit(code)


def flush_output() -> None:
    """Write out what has been logged and printed: what follows ends this program without a look back."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
