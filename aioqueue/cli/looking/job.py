"""`aioqueue job`: all that is known of a job."""

from __future__ import annotations

from functools import partial

import click

from aioqueue.cli.exits import Failed
from aioqueue.cli.looking.gathering import look_at_jobs
from aioqueue.cli.looking.telling import json_option, tell
from aioqueue.cli.target import for_jobs_of_a_queue
from aioqueue.queue import Queue
from aioqueue.states import JobState


@click.command("job")
@for_jobs_of_a_queue
@click.option("--arguments", is_flag=True, help="Show the values of its arguments, and the value that it returned.")
@json_option
def command(queue: Queue, ids: tuple[str, ...], arguments: bool, as_json: bool) -> None:
    """Show what the store knows of each job ID; the traceback of one that failed, too.

    Exit code 1 if the store has never heard of one of them, or has forgotten it.
    """
    if not ids:
        raise click.UsageError("say which job: its id")
    facts = tell(queue, partial(look_at_jobs, ids=ids, arguments=arguments), as_json=as_json)
    if unknown := [job.id for job in facts.jobs if job.state == JobState.UNKNOWN]:
        raise Failed(unknown_jobs(queue, unknown))


def unknown_jobs(queue: Queue, ids: list[str]) -> str:
    """Return a line about jobs that are not there."""
    which = f"job {ids[0]!r}" if len(ids) == 1 else f"the jobs {', '.join(map(repr, ids))}"
    return f"queue {queue.name!r} knows nothing of {which}: never stored there, or forgotten"
