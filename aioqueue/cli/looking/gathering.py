"""Finding out what the commands tell of a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

import msgspec

from aioqueue.cli.looking.arguments import arguments_of, value_of
from aioqueue.cli.looking.facts import (
    Counts,
    Ending,
    JobFacts,
    OneJob,
    PeriodicFacts,
    ScheduleFacts,
    ShelfFacts,
    StatusFacts,
    WorkerFacts,
    WorkersFacts,
)
from aioqueue.drivers.base import Driver, Revocation, Settled, Shelf, StoredJob
from aioqueue.ids import made_at
from aioqueue.outcome import Cause, decode_failure
from aioqueue.periodic import Periodic
from aioqueue.presence import RunningJob, WorkerInfo
from aioqueue.queue import Queue
from aioqueue.record import NewerFormat, Record, Unreadable, decode_record
from aioqueue.serializers import Serializer
from aioqueue.states import JobState
from aioqueue.zones import zone_of

_PAGE = 100


async def look_at_status(queue: Queue) -> StatusFacts:
    """Return the counts of a queue and its workers."""
    driver = (await queue.session()).driver
    workers = await queue.workers()
    soonest = (await driver.jobs("scheduled", limit=1)).jobs
    return StatusFacts(
        queue.name,
        await _time(driver),
        await driver.is_paused(),
        any(worker.available for worker in workers),
        Counts(**await driver.counts()),
        _moment(soonest[0].due_at) if soonest else None,
        [facts_of_worker(worker) for worker in workers],
    )


async def look_at_workers(queue: Queue) -> WorkersFacts:
    """Return the workers of a queue."""
    workers = [facts_of_worker(worker) for worker in await queue.workers()]
    return WorkersFacts(queue.name, await _time((await queue.session()).driver), workers)


async def look_at_shelf(queue: Queue, shelf: Shelf, limit: int, *, arguments: bool) -> ShelfFacts:
    """Return up to `limit` jobs of a shelf."""
    driver = (await queue.session()).driver
    jobs = await _jobs_of(queue, shelf, limit, arguments=arguments)
    total = max((await driver.counts())[shelf], len(jobs))
    return ShelfFacts(queue.name, await _time(driver), shelf, total, jobs)


async def look_at_jobs(queue: Queue, ids: Sequence[str], *, arguments: bool) -> OneJob:
    """Return what is known of jobs by their ids; a state `unknown` says that it is nothing."""
    driver = (await queue.session()).driver
    running = _running(await queue.workers())
    shown_by = queue.serializer if arguments else None
    jobs = [await _look_at_job(driver, job_id, running, shown_by) for job_id in ids]
    return OneJob(queue.name, await _time(driver), jobs)


async def look_at_schedule(queue: Queue, limit: int, slots: int, *, arguments: bool, tasks: bool) -> ScheduleFacts:
    """Return scheduled jobs, and with `tasks` when the periodic tasks are next due."""
    driver = (await queue.session()).driver
    jobs = await _jobs_of(queue, "scheduled", limit, arguments=arguments)
    zones = [worker.zone for worker in await queue.workers() if worker.available and worker.zone]
    zone = _known_zone(zones[0]) if zones else None
    now = await driver.now()
    return ScheduleFacts(
        queue.name,
        _moment(now),
        max((await driver.counts())["scheduled"], len(jobs)),
        jobs,
        await _periodic(queue, driver, zone or queue.zone, now, slots) if tasks else None,
        bool(zones),
    )


def facts_of_worker(worker: WorkerInfo) -> WorkerFacts:
    """Return a worker as it is shown."""
    said = msgspec.structs.asdict(worker)
    return msgspec.convert(
        {**said, "alive": worker.alive, "available": worker.available}, WorkerFacts, from_attributes=True
    )


# ---------------------------------------------------------------------- jobs
async def _jobs_of(queue: Queue, shelf: Shelf, limit: int, *, arguments: bool) -> list[JobFacts]:
    driver, cursor = (await queue.session()).driver, ""
    running = _running(await queue.workers()) if shelf == "running" else {}
    shown_by = queue.serializer if arguments else None
    jobs: list[JobFacts] = []
    while len(jobs) < limit:
        page = await driver.jobs(shelf, cursor, min(_PAGE, limit - len(jobs)))
        marks = await _marks(driver, page.jobs)
        facts = [_facts_of(job, running, shown_by, revoked=mark) for job, mark in zip(page.jobs, marks, strict=True)]
        jobs += await _with_outcomes(driver, facts) if shelf == "dead" else facts
        cursor = page.cursor
        if not cursor:
            break
    return jobs


async def _look_at_job(
    driver: Driver, job_id: str, running: Mapping[str, RunningJob], shown_by: Serializer | None
) -> JobFacts:
    """Return what is known of a job, with its arguments and its value where `shown_by` is what reads them."""
    stored = await driver.job(job_id)
    (settled,) = await driver.results([job_id])
    if stored is None:
        (mark,) = await driver.revocations([f"job:{job_id}"])
        state = settled.state if settled else await driver.state(job_id)
        facts = JobFacts(
            id=job_id,
            state=state,
            waiting=state is JobState.SCHEDULED,
            revoked=mark is not None,
            made_at=_moment(made_at(job_id) or 0.0),
        )
    else:
        (revoked,) = await _marks(driver, [stored])
        facts = _facts_of(stored, running, shown_by, revoked=revoked)
    return _with_outcome(facts, settled, shown_by) if settled else facts


async def _with_outcomes(driver: Driver, jobs: list[JobFacts]) -> list[JobFacts]:
    results = await driver.results([job.id for job in jobs]) if jobs else []
    return [_with_outcome(job, settled, None) if settled else job for job, settled in zip(jobs, results, strict=True)]


def _with_outcome(facts: JobFacts, settled: Settled, shown_by: Serializer | None) -> JobFacts:
    if settled.distrust:
        return msgspec.structs.replace(facts, ending=Ending(Cause.ERROR, f"not read: {settled.distrust}", ""))
    if settled.state is JobState.SUCCEEDED:
        value = value_of(settled.outcome, shown_by) if shown_by and settled.outcome else None
        return msgspec.structs.replace(facts, value=value)
    failure = decode_failure(settled.outcome)
    return msgspec.structs.replace(facts, ending=Ending(failure.cause, failure.error, failure.traceback))


async def _marks(driver: Driver, jobs: Sequence[StoredJob]) -> list[bool]:
    """Tell of each job whether it is revoked, or its task is."""
    targets = list(dict.fromkeys(target for job in jobs for target in (f"job:{job.id}", f"task:{job.task}")))
    marks: list[Revocation | None] = await driver.revocations(targets) if targets else []
    held = {target for target, mark in zip(targets, marks, strict=True) if mark}
    return [f"job:{job.id}" in held or f"task:{job.task}" in held for job in jobs]


def _facts_of(
    stored: StoredJob, running: Mapping[str, RunningJob], shown_by: Serializer | None, *, revoked: bool
) -> JobFacts:
    runs = running.get(stored.id)
    said = _said_by(_read(stored), shown_by)
    return JobFacts(
        id=stored.id,
        state=stored.state,
        task=stored.task,
        revoked=revoked,
        priority=stored.priority,
        made_at=_moment(made_at(stored.id) or 0.0),
        due_at=_moment(stored.due_at),
        expires_at=_moment(stored.expires_at),
        worker=stored.incarnation or None,
        running_for=runs.seconds if runs else None,
        deliveries=stored.deliveries,
        dead_reason=stored.dead_reason or None,
        died_at=_moment(stored.died_at),
        **said,
    )


def _read(stored: StoredJob) -> Record | None:
    try:
        return decode_record(stored.payload)
    except (NewerFormat, Unreadable):
        return None


def _said_by(record: Record | None, shown_by: Serializer | None) -> dict[str, Any]:
    if record is None:
        return {"readable": False}
    return {
        "readable": True,
        "tries": record.tries,
        "retries": record.retries,
        "last_error": record.last_error or None,
        "replayed_from": record.replayed_from or None,
        "later": list(record.later_ids),
        "arguments": arguments_of(record, shown_by) if shown_by else None,
    }


def _running(workers: Sequence[WorkerInfo]) -> dict[str, RunningJob]:
    return {job.id: job for worker in workers for job in worker.running}


# ---------------------------------------------------------------------- periodic tasks
async def _periodic(queue: Queue, driver: Driver, zone: tzinfo, now: float, slots: int) -> list[PeriodicFacts]:
    tasks = sorted(queue.periodic, key=lambda periodic: periodic.name)
    if not tasks:
        return []
    marks = await driver.revocations([f"task:{periodic.name}" for periodic in tasks])
    last = await driver.last_slots([periodic.name for periodic in tasks])
    facts = [
        _facts_of_periodic(periodic, zone, mark, slot, _next_slots(periodic.in_zone(zone), now, slots))
        for periodic, mark, slot in zip(tasks, marks, last, strict=True)
    ]
    return sorted(facts, key=lambda periodic: periodic.next[:1])


def _facts_of_periodic(
    periodic: Periodic, zone: tzinfo, mark: Revocation | None, last: float | None, slots: list[float]
) -> PeriodicFacts:
    own: tzinfo = getattr(periodic.schedule, "tz", None) or zone
    return PeriodicFacts(
        periodic.name,
        repr(periodic.schedule),
        str(own),
        periodic.misfire,
        mark is not None,
        _moment(last or 0.0),
        [datetime.fromtimestamp(slot, own) for slot in slots],
    )


def _next_slots(periodic: Periodic, now: float, count: int) -> list[float]:
    def following() -> Any:
        slot = now
        while True:
            slot = periodic.next_slot(slot)
            yield slot

    try:
        return list(islice(following(), count))
    except Exception:  # noqa: BLE001 -- a schedule may be the application's own, and have no next slot
        return []


def _known_zone(name: str) -> tzinfo | None:
    try:
        return zone_of(name)
    except ValueError:
        return None


# ---------------------------------------------------------------------- times
async def _time(driver: Driver) -> datetime:
    return datetime.fromtimestamp(await driver.now(), UTC)


def _moment(seconds: float) -> Any:
    """Return a moment, None for zero."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
