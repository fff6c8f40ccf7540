"""`aioqueue resume`: let workers start jobs again."""

from __future__ import annotations

import click

from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.steering.deeds import PauseFacts, tell
from aioqueue.cli.target import for_a_queue, visit
from aioqueue.queue import Queue
from aioqueue.states import JobState


@click.command("resume")
@for_a_queue
@json_option
def command(queue: Queue, as_json: bool) -> None:
    """Take `aioqueue pause` back: workers start jobs of the queue again, at once."""
    facts = visit(queue, _resume)
    verb = "is resumed: workers start jobs again" if facts.changed else "was not paused"
    tell(facts, f"queue {queue.name!r} {verb}", as_json=as_json)


async def _resume(queue: Queue) -> PauseFacts:
    paused = await (await queue.session()).driver.is_paused()
    await queue.resume()
    return PauseFacts(queue.name, paused=False, changed=paused, running=(await queue.counts())[JobState.RUNNING])
