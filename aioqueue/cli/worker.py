"""`aioqueue worker`: run the jobs of one or more queues until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import click

from aioqueue.cli.application import CannotStart, ServerUnreachable, load_queue
from aioqueue.cli.loop import new_event_loop
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.queue import Queue
from aioqueue.worker.worker import Worker

logger = logging.getLogger("aioqueue")


@click.command("worker")
@click.argument("apps", metavar="APP...", nargs=-1, required=True)
@click.option("-c", "--concurrency", default=100, show_default=True, type=click.IntRange(min=1), help="Bodies at once.")
@click.option(
    "--shutdown-timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long a stop waits for running jobs before it hands them back.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every job.")
@click.option("-q", "--quiet", is_flag=True, help="Log errors only.")
def command(apps: tuple[str, ...], concurrency: int, shutdown_timeout: float, verbose: bool, quiet: bool) -> None:
    """Run the jobs of one or more queues, each named as module:attribute.

    SIGTERM and SIGINT stop it when the running jobs have ended; a second one hands them back at once. Exit codes: 0
    stopped, 1 failed, 2 wrong usage or an application that cannot be imported, 3 a server that cannot be reached at the
    start.
    """
    if verbose and quiet:
        raise click.UsageError("give --verbose or --quiet, not both")
    _log(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    queues = list(dict.fromkeys(load_queue(app) for app in apps))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        abandoned = runner.run(_work(queues, concurrency, shutdown_timeout))
        if abandoned:
            _leave_threads_behind(abandoned)


async def _work(queues: list[Queue], concurrency: int, shutdown_timeout: float) -> int:
    """Run a worker until a signal stops it; return how many threads are stuck in bodies."""
    try:
        worker = Worker(*queues, concurrency=concurrency, shutdown_timeout=shutdown_timeout)
    except (TypeError, ValueError) as error:
        raise CannotStart(str(error)) from None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    try:
        await worker.run(started=lambda: _announce(queues, concurrency))
    except StoreUnavailable as error:
        raise ServerUnreachable(str(error)) from None
    except ConfigurationError as error:
        raise CannotStart(str(error)) from None
    finally:
        for queue in queues:
            await queue.close()
    logger.info("stopped")
    return worker.abandoned_threads


def _announce(queues: list[Queue], concurrency: int) -> None:
    for queue in queues:
        tasks = sorted(task.name for task in queue.registry)
        logger.info("ready: %r, %d at once, tasks: %s", queue, concurrency, ", ".join(tasks) or "none")


def _log(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


def _leave_threads_behind(count: int) -> None:
    # A thread cannot be stopped from outside, and Python would wait for it at exit. All its work is settled.
    logger.warning("%d threads are still inside tasks that were stopped: they end with the process", count)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
