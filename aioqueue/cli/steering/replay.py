"""`aioqueue replay`: run dead letters again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.looking.wording import many
from aioqueue.cli.steering.asking import ask, refuse_unasked, yes_option
from aioqueue.cli.steering.deeds import Deed, tell_deeds
from aioqueue.cli.steering.tasks import task_option
from aioqueue.cli.target import for_jobs_of_a_queue, visit
from aioqueue.queue import Queue


@click.command("replay")
@for_jobs_of_a_queue
@task_option("Replay all dead letters of this task.")
@click.option("--all", "every", is_flag=True, help="Replay all dead letters.")
@yes_option
@json_option
def command(queue: Queue, ids: tuple[str, ...], *, task: str | None, every: bool, yes: bool, as_json: bool) -> None:
    """Run each dead letter ID again as a new job, or with --task or --all many of them; these ask first."""
    if [bool(ids), task is not None, every].count(True) != 1:
        raise click.UsageError("say which dead letters: their ids, --task NAME, or --all")
    if not ids:
        refuse_unasked("many dead letters would run again", yes=yes)
        ids = tuple(visit(queue, partial(_letters, task=task)))
        if ids:
            ask(f"Run {many(len(ids), 'dead letter')} of queue {queue.name!r} again?", yes=yes)
        elif not as_json:
            click.echo(f"no dead letters{f' of {task!r}' if task else ''} on queue {queue.name!r}")
    if ids or as_json:
        tell_deeds(queue.name, visit(queue, partial(_replay_all, ids=ids)), as_json=as_json)


async def _letters(queue: Queue, task: str | None) -> list[str]:
    """Return the ids of all dead letters, or of one task's, the oldest first."""
    driver, cursor, ids = (await queue.session()).driver, "", list[str]()
    while True:
        page = await driver.jobs("dead", cursor)
        ids += [letter.id for letter in page.jobs if task in (None, letter.task)]
        cursor = page.cursor
        if not cursor:
            return ids[::-1]


async def _replay_all(queue: Queue, ids: Sequence[str]) -> list[Deed]:
    return [await _replay(queue, job_id) for job_id in ids]


async def _replay(queue: Queue, job_id: str) -> Deed:
    try:
        again = await queue.replay(job_id)
    except LookupError as error:
        return Deed("job", job_id, False, str(error.args[0]))
    return Deed("job", job_id, True, f"runs again as {again.id}", again.id)
