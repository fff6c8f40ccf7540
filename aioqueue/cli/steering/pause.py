"""`aioqueue pause`: let workers start no further jobs."""

from __future__ import annotations

import click

from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.looking.wording import many
from aioqueue.cli.steering.deeds import PauseFacts, tell
from aioqueue.cli.target import for_a_queue, visit
from aioqueue.queue import Queue
from aioqueue.states import JobState


@click.command("pause")
@for_a_queue
@json_option
def command(queue: Queue, as_json: bool) -> None:
    """Let no worker start further jobs of a queue, until `aioqueue resume`; running ones go on, new ones are stored."""
    facts = visit(queue, _pause)
    verb = "is paused" if facts.changed else "was paused already"
    left = f"; {many(facts.running, 'running job')} may end" if facts.running else ""
    tell(facts, f"queue {queue.name!r} {verb}: workers start nothing until it is resumed{left}", as_json=as_json)


async def _pause(queue: Queue) -> PauseFacts:
    paused = await (await queue.session()).driver.is_paused()
    await queue.pause()
    return PauseFacts(queue.name, paused=True, changed=not paused, running=(await queue.counts())[JobState.RUNNING])
