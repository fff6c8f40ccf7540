"""`aioqueue schedule`: what a queue is to do later."""

from __future__ import annotations

from functools import partial

import click

from aioqueue.cli.looking.gathering import look_at_schedule
from aioqueue.cli.looking.jobs import arguments_option, limit_option
from aioqueue.cli.looking.telling import json_option, tell
from aioqueue.cli.numbers import AT_LEAST_ONE
from aioqueue.cli.target import for_a_queue
from aioqueue.queue import Queue


@click.command("schedule")
@for_a_queue
@click.option(
    "--slots",
    type=AT_LEAST_ONE,
    default=1,
    show_default=True,
    metavar="N",
    help="How many of the next slots of each periodic task to show.",
)
@limit_option
@arguments_option
@json_option
@click.pass_context
def command(context: click.Context, queue: Queue, *, slots: int, limit: int, arguments: bool, as_json: bool) -> None:
    """Show the scheduled jobs of a queue, and with APP its periodic tasks and when they are next due."""
    tasks = context.params["app"] is not None
    tell(queue, partial(look_at_schedule, limit=limit, slots=slots, arguments=arguments, tasks=tasks), as_json=as_json)
