"""Looking: states, single jobs, pages and counts; and the flush."""

from __future__ import annotations

from aioqueue.drivers.base import Driver, Finished, NewJob, Shelf
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    admissions,
    expect_counts,
    expect_line,
    expect_states,
    hire,
    ids_of,
    lease_of,
    make_suspects,
    numbered,
    plain,
    reap,
    success,
    take,
    whole_shelf,
)


async def one_of_each(driver: Driver) -> dict[str, JobState]:
    """Put a job in every state; return the states by id."""
    await hire(driver)
    await driver.enqueue(plain("succeeded", "failed", "cancelled", "expired", "dead", "running"))
    claims = {claim.id: claim for claim in await take(driver)}
    states = {name: JobState(name) for name in ("succeeded", "failed", "cancelled", "expired")}
    outcomes = [Finished(name, claims[name].token, state, b"", 60) for name, state in states.items()]
    dead = Finished("dead", claims["dead"].token, JobState.FAILED, b"", 60, dead_reason="reason")
    await driver.settle("worker", [*outcomes, dead])
    await driver.enqueue([*plain("queued"), NewJob("scheduled", "task", b"", delay=1_000)])
    live = {name: JobState(name) for name in ("running", "queued", "scheduled")}
    return {**states, **live, "dead": JobState.FAILED, "nothing": JobState.UNKNOWN}


async def check_every_state_is_told(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    states = await one_of_each(driver)
    await expect_states(other, states)
    await expect_counts(other, queued=1, scheduled=1, running=1, dead=1)


async def check_single_jobs_are_told(stage: Stage) -> None:
    driver = await stage.driver()
    for job_id, state in (await one_of_each(driver)).items():
        job = await driver.job(job_id)
        if job_id in {"queued", "scheduled", "running", "dead"}:
            assert job is not None
            assert (job.id, job.state, job.payload) == (
                job_id,
                state,
                b"" if job_id == "scheduled" else job_id.encode(),
            )
            assert (job.due_at > 0, job.incarnation) == (job_id == "scheduled", "worker" if job_id == "running" else "")
            assert (job.dead_reason, job.died_at > 0) == (("reason", True) if job_id == "dead" else ("", False))
        else:
            assert job is None


async def check_a_listed_job_is_the_same_as_a_single_one(stage: Stage) -> None:
    driver = await stage.driver()
    await one_of_each(driver)
    shelves: tuple[Shelf, ...] = ("queued", "scheduled", "running", "dead")
    for shelf in shelves:
        (listed,) = await whole_shelf(driver, shelf)
        assert listed == await driver.job(shelf)


async def check_an_empty_shelf_is_one_empty_page(stage: Stage) -> None:
    driver = await stage.driver()
    shelves: tuple[Shelf, ...] = ("queued", "scheduled", "running", "dead")
    for shelf in shelves:
        page = await driver.jobs(shelf)
        assert (page.jobs, page.cursor) == ([], "")


async def check_queued_pages_are_in_line_order(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, NewJob("suspect", "task", b"", -8))
    jobs = [NewJob(f"job-{n:02}", "task", b"", priority=n % 3) for n in range(30)]
    await driver.enqueue(jobs)
    in_line = sorted(jobs, key=lambda job: -job.priority)
    expected = ["suspect", *ids_of(in_line)]
    for limit in (1, 7, 31, 100):
        assert ids_of(await whole_shelf(driver, "queued", limit)) == expected


async def check_scheduled_pages_are_by_due_time(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob(f"job-{n:02}", "task", b"", delay=1_000 + n * 7 % 30) for n in range(30)])
    for limit in (1, 7, 30):
        listed = await whole_shelf(driver, "scheduled", limit)
        assert [job.due_at for job in listed] == sorted(job.due_at for job in listed)
        assert len(set(ids_of(listed))) == len(listed) == 30


async def check_running_pages_have_each_job_once(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(30))
    for worker in ("one", "two", "three"):
        await hire(driver, worker)
        await take(driver, worker, limit=10)
    for limit in (1, 7, 30):
        assert sorted(ids_of(await whole_shelf(driver, "running", limit))) == ids_of(numbered(30))


async def check_dead_pages_are_newest_first(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(20))
    await hire(driver)
    for claim in await take(driver):
        outcome = Finished(claim.id, claim.token, JobState.FAILED, dead_reason=f"reason of {claim.id}")
        await driver.settle("worker", [outcome])
        await driver.shift(1)
    for limit in (1, 7, 20):
        assert ids_of(await whole_shelf(driver, "dead", limit)) == ids_of(numbered(20))[::-1]


async def check_pages_are_stable_while_jobs_leave_and_come(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = numbered(40)
    await driver.enqueue(jobs)
    await hire(driver)
    seen: list[str] = []
    page = await driver.jobs("queued", "", 10)
    seen += ids_of(page.jobs)
    await take(driver, limit=5)
    await driver.enqueue([NewJob("urgent", "task", b"", 5)])
    while page.cursor:
        page = await driver.jobs("queued", page.cursor, 10)
        seen += ids_of(page.jobs)
    stayed = ids_of(jobs)[5:]
    assert [job_id for job_id in seen if job_id in stayed] == stayed


async def check_scheduled_pages_are_stable_while_jobs_leave_and_come(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = [NewJob(job.id, "task", b"", delay=100 + n) for n, job in enumerate(numbered(40))]
    await driver.enqueue(jobs)
    page = await driver.jobs("scheduled", "", 10)
    seen = ids_of(page.jobs)
    await driver.shift(105)
    await driver.promote(100)
    await driver.enqueue([NewJob("later", "task", b"", delay=500)])
    gone = set(ids_of(await whole_shelf(driver, "queued")))
    while page.cursor:
        page = await driver.jobs("scheduled", page.cursor, 10)
        seen += ids_of(page.jobs)
    stayed = [job.id for job in jobs if job.id not in gone]
    assert [job_id for job_id in seen if job_id in stayed] == stayed


async def check_a_flush_removes_everything_but_leases(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    states = await one_of_each(driver)
    await make_suspects(driver, *plain("suspect"))
    lease = await lease_of(driver, "worker")
    await driver.flush()
    await expect_states(other, dict.fromkeys(states, JobState.UNKNOWN))
    assert await other.results(list(states)) == [None] * len(states)
    assert [await other.job(job_id) for job_id in states] == [None] * len(states)
    assert await other.claims("worker") == {}
    await expect_counts(other)
    assert await lease_of(other, "worker") == lease
    await driver.promote(10)
    assert await take(driver, batch=2) == []


async def check_a_flushed_queue_goes_on(stage: Stage) -> None:
    driver = await stage.driver()
    states = await one_of_each(driver)
    await driver.flush()
    assert await admissions(driver, plain(*states)) == ["accepted"] * len(states)
    await expect_line(driver, list(states))
    claims = await take(driver, batch=2, limit=2)
    assert await driver.settle("worker", [success(claim) for claim in claims]) == ["settled"] * 2
    assert await reap(driver, "worker") == 0
    await driver.flush()
    await driver.flush()
    await expect_counts(driver)
