"""Whether a store is as the model says, seen through every operation that only looks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aioqueue.drivers.base import Claim, Driver, Lease, Revocation, Settled, Shelf, StoredJob
from aioqueue.states import JobState
from tests.drivers.model import Model, ModelJob
from tests.drivers.plans import SCHEDULE, TARGETS

AT_A_TIME = 4
SHELVES: tuple[Shelf, ...] = ("queued", "scheduled", "running", "dead")


@dataclass
class View:
    """Everything that can be seen of a queue."""

    states: dict[str, JobState]
    results: list[Settled | None]
    shelves: dict[Shelf, list[StoredJob]]
    counts: dict[Shelf, int]
    leases: list[Lease]
    claims: dict[str, dict[str, int]]
    asked: dict[str, list[str]]
    marks: dict[str, Revocation]
    last_slot: float | None


async def look(driver: Driver, ids: Sequence[str], incarnations: Sequence[str]) -> View:
    """Look at a queue at rest."""
    states, pages, claims, asked, (results, counts, leases, marks, (last_slot,)) = await beside_each_other(
        [driver.state(job_id) for job_id in ids],
        [driver.jobs(shelf) for shelf in SHELVES],
        [driver.claims(incarnation) for incarnation in incarnations],
        [driver.cancellations(incarnation) for incarnation in incarnations],
        [
            driver.results(ids),
            driver.counts(),
            driver.leases(),
            driver.revocations(TARGETS),
            driver.last_slots([SCHEDULE]),
        ],
    )
    assert not any(page.cursor for page in pages)
    return View(
        states=dict(zip(ids, states, strict=True)),
        results=results,
        shelves={shelf: page.jobs for shelf, page in zip(SHELVES, pages, strict=True)},
        counts=counts,
        leases=leases,
        claims=dict(zip(incarnations, claims, strict=True)),
        asked=dict(zip(incarnations, asked, strict=True)),
        marks={mark.target: mark for mark in marks if mark is not None},
        last_slot=last_slot,
    )


async def beside_each_other(*groups: Sequence[Coroutine[Any, Any, Any]]) -> list[list[Any]]:
    """Ask all, a few at a time: a driver that opens a connection for each that is under way is not to open dozens."""
    answers: list[list[Any]] = [[None] * len(group) for group in groups]
    questions = iter([(row, place, ask) for row, group in enumerate(groups) for place, ask in enumerate(group)])

    async def ask_on() -> None:
        for row, place, question in questions:
            answers[row][place] = await question

    await asyncio.gather(*(ask_on() for _ in range(AT_A_TIME)))
    return answers


def expect_agreement(view: View, model: Model) -> None:
    """Check that a queue is as the model says."""
    assert view.states == {job_id: model.state(job_id) for job_id in view.states}
    assert view.results == [model.finished.get(job_id) for job_id in view.states]
    assert {lease.incarnation for lease in view.leases} == set(model.leases)
    assert view.marks == model.marks
    assert view.last_slot == (model.last_firing and model.last_firing[0])
    expect_each_job_in_one_place(view, model)
    expect_order(view, model)


def expect_each_job_in_one_place(view: View, model: Model) -> None:
    """Check that no job is lost, doubled or changed, and that counts and claims tell of the same jobs."""
    assert view.counts == model.counts()
    assert {shelf: len(jobs) for shelf, jobs in view.shelves.items()} == view.counts
    live = [job for shelf in SHELVES[:3] for job in view.shelves[shelf]]
    assert whereabouts(live) == whereabouts(job for job in model.jobs.values() if not job.awaits)
    for incarnation, claims in view.claims.items():
        assert claims == {job.id: job.token for job in model.held(incarnation)}
        assert sorted(view.asked[incarnation]) == sorted(model.asked_of(incarnation))


def expect_order(view: View, model: Model) -> None:
    """Check who stands in line before whom; among suspects only priority counts, and among those handed back too."""
    queued = view.shelves["queued"]
    suspects = model.suspects()
    assert [(job.priority, job.deliveries > 0) for job in queued[: len(suspects)]] == [
        (job.priority, True) for job in suspects
    ]
    ready = ids_of(queued[len(suspects) :])
    assert with_returned_sorted(ready, model) == with_returned_sorted(ids_of(model.ready()), model)
    assert ids_of(view.shelves["scheduled"]) == ids_of(model.scheduled())
    assert sorted(ids_of(view.shelves["dead"])) == sorted(model.dead)


def with_returned_sorted(ids: Iterable[str], model: Model) -> list[str]:
    """Return a line in which those stand in order of their ids that several calls have handed back to its head."""

    def standing(job_id: str) -> tuple[int, bool]:
        job = model.jobs[job_id]
        return job.priority, job.place < 0

    runs = groupby(ids, key=standing)
    return [job_id for (_, is_returned), run in runs for job_id in (sorted(run) if is_returned else run)]


def places_of(ids: Iterable[str], model: Model) -> list[tuple[int, str]]:
    """Return whose turn it is, job by job; of those that were handed back it may be any one's of that priority."""
    return [(job.priority, job.id if job.place >= 0 else "") for job in map(model.jobs.__getitem__, ids)]


def whereabouts(jobs: Iterable[StoredJob | ModelJob]) -> list[tuple[Any, ...]]:
    """Return what each job is and where it stands."""
    return sorted((*contents(job), job.state, job.incarnation) for job in jobs)


def contents(job: Claim | StoredJob | ModelJob) -> tuple[str, str, bytes, int, int]:
    """Return what must not be lost of a job."""
    return job.id, job.task, job.payload, job.priority, job.deliveries


def ids_of(jobs: Iterable[Claim | StoredJob | ModelJob]) -> list[str]:
    """Return ids in order."""
    return [job.id for job in jobs]
