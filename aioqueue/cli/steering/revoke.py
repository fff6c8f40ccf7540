"""`aioqueue revoke`: keep jobs from running."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import click

from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.looking.wording import many, stamp
from aioqueue.cli.steering.asking import ask, refuse_unasked, yes_option
from aioqueue.cli.steering.cancel import ended
from aioqueue.cli.steering.deeds import Deed, tell_deeds
from aioqueue.cli.steering.tasks import refuse_unknown_task, task_option
from aioqueue.cli.target import for_jobs_of_a_queue, visit
from aioqueue.queue import Queue
from aioqueue.result import REVOCATION_TTL
from aioqueue.states import TERMINAL, JobState


@click.command("revoke")
@for_jobs_of_a_queue
@task_option("Keep all jobs of this task from running.")
@click.option("--until", metavar="WHEN", help="Until then, as 2030-12-31T18:00; without a zone it is local time.")
@click.option("--once", is_flag=True, help="Only the next job of the task.")
@yes_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    queue: Queue,
    ids: tuple[str, ...],
    *,
    task: str | None,
    until: str | None,
    once: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Keep each job ID, or with --task all jobs of a task, from running: workers drop them when their turn comes.

    Jobs that run already go on. What is not dropped yet is let in again by `aioqueue restore`.
    """
    if bool(ids) == bool(task):
        raise click.UsageError("say what to revoke: job ids, or --task NAME")
    if (until or once) and not task:
        raise click.UsageError("--until and --once go with --task: a job is revoked until it is dropped")
    last = _moment(until) if until else None
    refuse_unasked("what a worker drops cannot be restored", yes=yes)
    if task:
        refuse_unknown_task(queue, task, context)
    ask(_question(queue, ids, task, last, once=once), yes=yes)
    revoke = partial(_revoke_task, task=task, until=last, once=once) if task else partial(_revoke_jobs, ids=ids)
    tell_deeds(queue.name, visit(queue, revoke), as_json=as_json)


def _question(queue: Queue, ids: Sequence[str], task: str | None, until: datetime | None, *, once: bool) -> str:
    if task:
        which = f"the next job of {task}" if once else f"all jobs of {task}"
    else:
        which = f"job {ids[0]}" if len(ids) == 1 else many(len(ids), "job")
    return f"Have workers drop {which} on queue {queue.name!r}{f' until {stamp(until)}' if until else ''}?"


async def _revoke_task(queue: Queue, task: str, until: datetime | None, *, once: bool) -> list[Deed]:
    driver = (await queue.session()).driver
    await driver.revoke(f"task:{task}", until.timestamp() if until else 0.0, once=once)
    answer = "its next job is dropped" if once else "its jobs are dropped"
    return [Deed("task", task, True, f"{answer}, until {stamp(until)}" if until else f"{answer}, until it is restored")]


async def _revoke_jobs(queue: Queue, ids: Sequence[str]) -> list[Deed]:
    return [await _revoke_job(queue, job_id) for job_id in ids]


async def _revoke_job(queue: Queue, job_id: str) -> Deed:
    state = await queue.result(job_id).state()
    if state is JobState.UNKNOWN:
        return Deed("job", job_id, False, "unknown")
    if state in TERMINAL:
        return Deed("job", job_id, False, f"has {ended(state)}")
    await (await queue.session()).driver.revoke(f"job:{job_id}", ttl=REVOCATION_TTL)
    if state is JobState.RUNNING:
        return Deed("job", job_id, True, "is running and goes on, but is not tried again: cancel stops it")
    return Deed("job", job_id, True, "is dropped when its turn comes")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise click.UsageError(f"--until {text!r} is no time: write it as 2030-12-31T18:00, or with a zone") from None
    if moment <= datetime.now(UTC):
        raise click.UsageError(f"--until {text} has passed already")
    return moment
