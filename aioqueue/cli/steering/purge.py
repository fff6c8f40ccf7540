"""`aioqueue purge`: remove all jobs of a queue."""

from __future__ import annotations

import click

from aioqueue.cli.looking.facts import Counts
from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.looking.wording import many
from aioqueue.cli.steering.asking import ask, refuse_unasked, yes_option
from aioqueue.cli.steering.deeds import Purged, tell
from aioqueue.cli.target import for_a_queue, visit
from aioqueue.queue import Queue


@click.command("purge")
@for_a_queue
@yes_option
@json_option
def command(queue: Queue, yes: bool, as_json: bool) -> None:
    """Remove every job, result and dead letter of a queue for good, its locks, revocations and slots fired too.

    Running jobs run on, but what they return is dropped. Kept are the pause, the key-value store, and the workers.
    """
    refuse_unasked("a purge cannot be taken back", yes=yes)
    if not yes:
        ask(f"Remove for good, with all results, {_those(visit(queue, _count))} of queue {queue.name!r}?", yes=yes)
    removed = visit(queue, _purge)
    tell(Purged(queue.name, removed), f"queue {queue.name!r} is empty: removed {_those(removed)}", as_json=as_json)


def _those(counts: Counts) -> str:
    jobs = many(counts.queued + counts.scheduled + counts.running, "job")
    running = f" ({counts.running:,} running)" if counts.running else ""
    return f"{jobs}{running} and {many(counts.dead, 'dead letter')}"


async def _count(queue: Queue) -> Counts:
    return Counts(**await (await queue.session()).driver.counts())


async def _purge(queue: Queue) -> Counts:
    counts = await _count(queue)
    await queue.flush()
    return counts
