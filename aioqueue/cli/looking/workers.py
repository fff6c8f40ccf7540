"""`aioqueue workers`: who works on a queue, and what they run."""

from __future__ import annotations

import click

from aioqueue.cli.looking.gathering import look_at_workers
from aioqueue.cli.looking.telling import json_option, tell
from aioqueue.cli.target import for_a_queue
from aioqueue.queue import Queue


@click.command("workers")
@for_a_queue
@json_option
def command(queue: Queue, as_json: bool) -> None:
    """Show the workers of a queue and their running jobs, as their last sign of life told.

    One that died is shown as silent until others have taken its jobs over.
    """
    tell(queue, look_at_workers, as_json=as_json)
