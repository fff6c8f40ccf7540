"""The queue that a command is about: an application's, or one of a store that is named by its URL."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from functools import wraps
from typing import Any, TypeVar

import click

from aioqueue.cli.application import load_queue
from aioqueue.cli.exits import CannotStart, Failed, ServerUnreachable
from aioqueue.cli.loop import new_event_loop
from aioqueue.errors import AioqueueError, ConfigurationError, StoreUnavailable
from aioqueue.queue import Queue

T = TypeVar("T")
Command = Callable[..., None]

_WHERE = "say which queue: APP (module:attribute), or --url URL and --queue NAME"
_url = click.option(
    "--url", metavar="URL", help="The store to ask, without any application.  [with --queue: $AIOQUEUE_URL]"
)
_queue = click.option("--queue", metavar="NAME", help="The queue's name there.  [default: default]")


def for_a_queue(command: Command) -> Command:
    """Give a command the parameters APP, --url and --queue, and the queue that they name first."""

    @click.argument("app", required=False)
    @_url
    @_queue
    @wraps(command)
    def found(app: str | None, url: str | None, queue: str | None, **options: Any) -> None:
        command(find_queue(app, url, queue), **options)

    return found


def for_jobs_of_a_queue(command: Command) -> Command:
    """Give a command the parameters APP, --url and --queue, then job ids: the queue comes first, then the ids."""

    @click.argument("words", nargs=-1, metavar="[APP] [ID]...")
    @_url
    @_queue
    @wraps(command)
    def found(words: tuple[str, ...], url: str | None, queue: str | None, **options: Any) -> None:
        app, ids = (None, words) if url or queue else (words[0] if words else None, words[1:])
        if not all(ids):
            raise click.UsageError("a job's id is empty")
        command(find_queue(app, url, queue), tuple(dict.fromkeys(ids)), **options)

    return found


def find_queue(app: str | None, url: str | None, name: str | None) -> Queue:
    """Return the queue; raises `CannotStart`, `ServerUnreachable` or a usage error."""
    _refuse_empty(APP=app, **{"--url": url, "--queue": name})
    if app:
        if url or name:
            raise click.UsageError("give APP, or --url and --queue, not both")
        with redirect_stdout(sys.stderr):  # what it prints is not what was asked for
            queue = load_queue(app)
    else:
        queue = _queue_at(url or (os.environ.get("AIOQUEUE_URL") if name else None), name)
    _refuse_memory(queue)
    return queue


def visit(queue: Queue, ask: Callable[[Queue], Awaitable[T]]) -> T:
    """Return what `ask` finds out about a queue, on a loop of its own; what goes wrong becomes one line."""
    refuse_missing_file(queue)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_asked(queue, ask))
    except StoreUnavailable as error:
        raise ServerUnreachable(str(error)) from None
    except ConfigurationError as error:
        raise CannotStart(str(error)) from None
    except AioqueueError as error:
        raise Failed(str(error)) from None


def refuse_missing_file(queue: Queue) -> None:
    """Raise `ServerUnreachable` for a file that opening would create: an empty queue, where another was meant."""
    from aioqueue.drivers.sqlite import SqliteDriver  # noqa: PLC0415 -- the other stores do without

    driver = queue.store()
    if isinstance(driver, SqliteDriver) and not driver.path.exists():
        raise ServerUnreachable(f"there is no file {driver.path}")


async def _asked(queue: Queue, ask: Callable[[Queue], Awaitable[T]]) -> T:
    try:
        return await ask(queue)
    finally:
        await queue.close()


def _refuse_empty(**said: str | None) -> None:
    for parameter, value in said.items():
        if value is not None and not value.strip():
            raise click.UsageError(f"{parameter} is empty")


def _queue_at(url: str | None, name: str | None) -> Queue:
    if not url:
        raise click.UsageError(f"{_WHERE}{', or the environment variable AIOQUEUE_URL' if name else ''}")
    try:
        queue = Queue(url, name=name or "default")
    except ConfigurationError as error:
        raise CannotStart(str(error)) from None
    return queue


def _refuse_memory(queue: Queue) -> None:
    from aioqueue.drivers.memory import MemoryDriver  # noqa: PLC0415 -- the other stores do without

    if isinstance(queue.store(), MemoryDriver):
        raise CannotStart(
            f"queue {queue.name!r} lives in the memory of the process that uses it, where no other one can look"
        )
