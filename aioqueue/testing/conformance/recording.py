"""What is kept of a job: its task's name, priority, expiry and payload, of every length and combination."""

from __future__ import annotations

from itertools import product
from typing import Final

from aioqueue.drivers.base import Again, NewJob
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import EVERY_BYTE, hire, take, tokens

_NAME_LENGTHS: Final = (1, 127, 128, 255, 256, 300)
_PRIORITIES: Final = (-8, -1, 0, 7)
_EXPIRIES: Final = (0.0, 5e9)


def _every_kind() -> list[NewJob]:
    kinds = product(_NAME_LENGTHS, _PRIORITIES, _EXPIRIES)
    return [
        NewJob(f"{length} {priority} {expires_at}", "n" * length, EVERY_BYTE, priority, expires_at=expires_at)
        for length, priority, expires_at in kinds
    ]


async def check_what_is_stored_is_claimed(stage: Stage) -> None:
    driver, jobs = await stage.driver(), _every_kind()
    await driver.enqueue(jobs)
    await hire(driver)
    claims = {claim.id: claim for claim in await take(driver)}
    for job in jobs:
        claim = claims.pop(job.id)
        assert (claim.task, claim.payload) == (job.task, job.payload)
        assert (claim.priority, claim.expires_at) == (job.priority, job.expires_at)
    assert not claims


async def check_a_job_that_runs_again_keeps_all_but_its_payload(stage: Stage) -> None:
    driver, jobs = await stage.driver(), _every_kind()
    await driver.enqueue(jobs)
    await hire(driver)
    given = tokens(await take(driver))
    await driver.settle("worker", [Again(job_id, token, payload=b"new") for job_id, token in given.items()])
    claims = {claim.id: claim for claim in await take(driver, batch=2)}
    for job in jobs:
        claim = claims[job.id]
        assert (claim.task, claim.payload) == (job.task, b"new")
        assert (claim.priority, claim.expires_at) == (job.priority, job.expires_at)


async def check_a_relative_expiry_changes_nothing_else(stage: Stage) -> None:
    driver, now = await stage.driver(), await (await stage.driver()).now()
    names = ["n" * length for length in _NAME_LENGTHS]
    await driver.enqueue([NewJob(name, name, b"payload", priority=-8, expires_in=1000.0) for name in names])
    await hire(driver)
    claims = await take(driver)
    assert [(claim.task, claim.payload, claim.priority) for claim in claims] == [(n, b"payload", -8) for n in names]
    assert all(now + 999 < claim.expires_at < now + 1100 for claim in claims)


async def check_a_task_is_revoked_by_its_whole_name(stage: Stage) -> None:
    driver, jobs = await stage.driver(), _every_kind()
    await driver.enqueue(jobs)
    for length in _NAME_LENGTHS[::2]:
        await driver.revoke(f"task:{'n' * length}")
    await hire(driver)
    claims = await take(driver)
    assert len(claims) == len(jobs)
    for claim in claims:
        assert (claim.revoked is not None) == (len(claim.task) in _NAME_LENGTHS[::2])
