"""The small steps that checks are made of."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from aioqueue.drivers.base import (
    Admission,
    Claim,
    Driver,
    Finished,
    Lease,
    NewJob,
    Shelf,
    StoredJob,
)
from aioqueue.states import JobState

BOUND: Final = 20.0  # seconds within which what is pushed must arrive; never waited for in a passing run
AGES: Final = (1e10, 1e15, 1e300, math.inf)  # seconds that no key of a store has
EVERY_BYTE: Final = bytes(range(256))
SHELVES: Final[tuple[Shelf, ...]] = ("queued", "scheduled", "running", "dead")


def plain(*ids: str) -> list[NewJob]:
    """Return jobs of these ids, due now."""
    return [NewJob(job_id, "task", job_id.encode()) for job_id in ids]


def numbered(count: int) -> list[NewJob]:
    """Return that many jobs, due now, whose ids sort in their order."""
    return plain(*(f"job-{number:05}" for number in range(count)))


class Named(Protocol):
    """Anything of a job that carries its id."""

    @property
    def id(self) -> str: ...


def ids_of(jobs: Iterable[Named]) -> list[str]:
    """Return the ids of jobs, in their order."""
    return [job.id for job in jobs]


async def admissions(driver: Driver, jobs: Sequence[NewJob]) -> list[Admission]:
    """Enqueue jobs, and return what became of each; its id must be the one that the answer names."""
    answers = await driver.enqueue(jobs)
    assert ids_of(answers) == ids_of(jobs)
    return [answer.admission for answer in answers]


async def hire(driver: Driver, incarnation: str = "worker") -> str:
    """Give an incarnation its lease."""
    await driver.register(incarnation, 30.0, b"info")
    return incarnation


async def take(
    driver: Driver, incarnation: str = "worker", batch: int = 1, limit: int = 100, suspects: int = 100
) -> list[Claim]:
    """Claim jobs."""
    return (await driver.claim(incarnation, batch, limit, suspects)).jobs


async def take_one(driver: Driver, incarnation: str = "worker", batch: int = 1) -> Claim:
    """Claim the one job there must be."""
    (claim,) = await take(driver, incarnation, batch, limit=1)
    return claim


async def run_one(driver: Driver, job_id: str) -> Claim:
    """Enqueue one job, and let a fresh worker claim it."""
    await driver.enqueue(plain(job_id))
    await hire(driver)
    return await take_one(driver)


def success(claim: Claim, outcome: bytes = b"value", result_ttl: float = 60.0) -> Finished:
    """Return the outcome of a job that went well."""
    return Finished(claim.id, claim.token, JobState.SUCCEEDED, outcome, result_ttl)


def tokens(claims: Iterable[Claim]) -> dict[str, int]:
    """Return id → token."""
    return {claim.id: claim.token for claim in claims}


async def make_suspects(driver: Driver, *jobs: NewJob) -> None:
    """Enqueue jobs, and have a worker die with them."""
    await driver.enqueue(jobs)
    await hire(driver, "victim")
    assert len(await take(driver, "victim", limit=len(jobs))) == len(jobs)
    assert await reap(driver, "victim") == len(jobs)


async def lease_of(driver: Driver, incarnation: str) -> Lease | None:
    """Return the lease of an incarnation, if there is one."""
    return next((lease for lease in await driver.leases() if lease.incarnation == incarnation), None)


async def reap(driver: Driver, incarnation: str) -> int | None:
    """Reap an incarnation, whatever its counter."""
    lease = await lease_of(driver, incarnation)
    assert lease is not None
    return await driver.reap(incarnation, lease.counter)


async def whole_shelf(driver: Driver, shelf: Shelf, limit: int = 100) -> list[StoredJob]:
    """Return every job of a shelf, page by page."""
    jobs: list[StoredJob] = []
    cursor = ""
    async with asyncio.timeout(BOUND):
        while True:
            page = await driver.jobs(shelf, cursor, limit)
            assert len(page.jobs) <= limit
            jobs += page.jobs
            cursor = page.cursor
            if not cursor:
                return jobs


async def expect_states(driver: Driver, expected: Mapping[str, JobState]) -> None:
    """Check the state of some jobs."""
    assert {job_id: await driver.state(job_id) for job_id in expected} == expected


async def expect_waiting(driver: Driver, *ids: str) -> None:
    """Check that jobs wait: they are live, and stand on no shelf."""
    await expect_states(driver, dict.fromkeys(ids, JobState.SCHEDULED))
    shelved = [job.id for shelf in SHELVES for job in await whole_shelf(driver, shelf)]
    assert not set(ids) & set(shelved)
    assert [await driver.job(job_id) for job_id in ids] == [None] * len(ids)


async def expect_counts(driver: Driver, queued: int = 0, scheduled: int = 0, running: int = 0, dead: int = 0) -> None:
    """Check how many jobs stand on each shelf, both counted and listed."""
    expected: dict[Shelf, int] = {"queued": queued, "scheduled": scheduled, "running": running, "dead": dead}
    assert await driver.counts() == expected
    assert {shelf: len(await whole_shelf(driver, shelf)) for shelf in expected} == expected


async def expect_line(driver: Driver, ids: Sequence[str]) -> None:
    """Check who stands in line, in which order."""
    assert ids_of(await whole_shelf(driver, "queued")) == list(ids)
