"""`aioqueue jobs`: the jobs on one shelf of a queue."""

from __future__ import annotations

from functools import partial
from typing import Final

import click

from aioqueue.cli.looking.gathering import look_at_shelf
from aioqueue.cli.looking.telling import json_option, tell
from aioqueue.cli.numbers import AT_LEAST_ONE
from aioqueue.cli.target import for_a_queue
from aioqueue.drivers.base import Shelf
from aioqueue.queue import Queue

arguments_option: Final = click.option("--arguments", is_flag=True, help="Show the values of arguments, too.")
limit_option: Final = click.option(
    "--limit", type=AT_LEAST_ONE, default=100, show_default=True, metavar="N", help="How many jobs to show at most."
)


@click.command("jobs")
@for_a_queue
@click.option(
    "--shelf",
    type=click.Choice(["queued", "scheduled", "running", "dead"]),
    default="queued",
    show_default=True,
    help="Which jobs: the next one first; dead letters, the newest first.",
)
@limit_option
@arguments_option
@json_option
def command(queue: Queue, shelf: Shelf, limit: int, arguments: bool, as_json: bool) -> None:
    """List the jobs on one shelf of a queue."""
    tell(queue, partial(look_at_shelf, shelf=shelf, limit=limit, arguments=arguments), as_json=as_json)
