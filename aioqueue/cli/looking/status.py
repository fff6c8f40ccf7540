"""`aioqueue status`: whether a queue works, and how much there is to do."""

from __future__ import annotations

import click

from aioqueue.cli.looking.gathering import look_at_status
from aioqueue.cli.looking.telling import json_option, tell
from aioqueue.cli.target import for_a_queue
from aioqueue.queue import Queue


@click.command("status")
@for_a_queue
@json_option
def command(queue: Queue, as_json: bool) -> None:
    """Show how many jobs there are on each shelf, whether the queue is paused, and who works on it."""
    tell(queue, look_at_status, as_json=as_json)
