"""`aioqueue cancel`: end jobs now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import click

from aioqueue.cli.looking.telling import json_option
from aioqueue.cli.looking.wording import many
from aioqueue.cli.steering.asking import ask, refuse_unasked, yes_option
from aioqueue.cli.steering.deeds import Deed, tell_deeds
from aioqueue.cli.target import for_jobs_of_a_queue, visit
from aioqueue.queue import Queue
from aioqueue.states import JobState

# By the state after it: only a job that waits for another one is scheduled still.
_ANSWERS: Final = {
    JobState.CANCELLED: "cancelled",
    JobState.RUNNING: "is asked to stop",
    JobState.QUEUED: "is asked to stop",
    JobState.SCHEDULED: "is dropped when its turn comes",
}


@click.command("cancel")
@for_jobs_of_a_queue
@yes_option
@json_option
def command(queue: Queue, ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """End each job ID now: a queued or scheduled one at once, a running one is stopped.

    A plain function runs on in its thread, but what it returns is dropped. Exit code 1 if one of them had ended before,
    or is unknown.
    """
    if not ids:
        raise click.UsageError("say which job: its id")
    refuse_unasked("cancelling cannot be taken back", yes=yes)
    ask(f"Cancel {f'job {ids[0]}' if len(ids) == 1 else many(len(ids), 'job')} of queue {queue.name!r}?", yes=yes)
    tell_deeds(queue.name, visit(queue, partial(_cancel_all, ids=ids)), as_json=as_json)


async def _cancel_all(queue: Queue, ids: Sequence[str]) -> list[Deed]:
    return [await _cancel(queue, job_id) for job_id in ids]


async def _cancel(queue: Queue, job_id: str) -> Deed:
    result = queue.result(job_id)
    was_live = await result.cancel()
    state = await result.state()
    if was_live and state in _ANSWERS:
        return Deed("job", job_id, True, _ANSWERS[state])
    # One that was asked to stop may have come to its own end first.
    return Deed("job", job_id, False, "unknown" if state is JobState.UNKNOWN else f"has {ended(state)}")


def ended(state: JobState) -> str:
    """Return in words how a job ended."""
    return {JobState.CANCELLED: "been cancelled", JobState.EXPIRED: "expired"}.get(state, str(state)) + " before"
