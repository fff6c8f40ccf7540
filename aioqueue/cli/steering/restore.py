"""`aioqueue restore`: let revoked jobs run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.steering.deeds import Deed, tell_deeds
from aioqueue.cli.steering.tasks import refuse_unknown_task, task_option
from aioqueue.cli.target import for_jobs_of_a_queue, visit
from aioqueue.queue import Queue
from aioqueue.states import JobState


@click.command("restore")
@for_jobs_of_a_queue
@task_option("Let the jobs of this task run again.")
@json_option
@click.pass_context
def command(context: click.Context, queue: Queue, ids: tuple[str, ...], task: str | None, as_json: bool) -> None:
    """Take `aioqueue revoke` back: each job ID that no worker has dropped yet runs, or with --task a task's jobs."""
    if bool(ids) == bool(task):
        raise click.UsageError("say what to restore: job ids, or --task NAME")
    if task:
        refuse_unknown_task(queue, task, context)
    restore = partial(_restore_task, task=task) if task else partial(_restore_jobs, ids=ids)
    tell_deeds(queue.name, visit(queue, restore), as_json=as_json)


async def _restore_task(queue: Queue, task: str) -> list[Deed]:
    restored = await (await queue.session()).driver.restore(f"task:{task}")
    return [Deed("task", task, True, "its jobs run again" if restored else "was not revoked")]


async def _restore_jobs(queue: Queue, ids: Sequence[str]) -> list[Deed]:
    return [await _restore_job(queue, job_id) for job_id in ids]


async def _restore_job(queue: Queue, job_id: str) -> Deed:
    result = queue.result(job_id)
    if await result.restore():
        return Deed("job", job_id, True, "is let in again")
    if await result.state() is JobState.UNKNOWN:
        return Deed("job", job_id, False, "unknown")
    return Deed("job", job_id, True, "was not revoked")
