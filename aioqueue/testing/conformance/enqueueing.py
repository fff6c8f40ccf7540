"""Enqueue: what is stored, in which order, and what becomes of an id that is known."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import PRIORITIES, NewJob, StoredJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    EVERY_BYTE,
    admissions,
    expect_counts,
    expect_line,
    hire,
    ids_of,
    make_suspects,
    numbered,
    plain,
    run_one,
    success,
    take,
    take_one,
)


async def check_an_enqueued_job_is_queued_as_it_was_given(stage: Stage) -> None:
    driver = await stage.driver()
    job = NewJob("a", "module.task", EVERY_BYTE, priority=3, expires_at=9_999_999_999.25)
    assert await admissions(driver, [job]) == ["accepted"]
    stored = StoredJob("a", JobState.QUEUED, "module.task", EVERY_BYTE, 3, 0.0, 9_999_999_999.25, 0, "")
    assert await driver.job("a") == stored
    assert await driver.state("a") is JobState.QUEUED
    await expect_counts(driver, queued=1)


async def check_an_enqueue_lets_others_run(stage: Stage) -> None:
    driver = await stage.driver()
    turn = asyncio.Event()
    asyncio.get_running_loop().call_soon(turn.set)
    await driver.enqueue(plain("a"))
    assert turn.is_set()


async def check_answers_come_in_the_order_of_the_jobs(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "done")
    await driver.settle("worker", [success(claim)])
    await driver.enqueue(plain("old"))
    assert await admissions(driver, plain("new", "done", "old", "new", "other")) == [
        "accepted",
        "finished",
        "present",
        "present",
        "accepted",
    ]
    await expect_line(driver, ["old", "new", "other"])


async def check_a_present_job_is_left_as_it_is(stage: Stage) -> None:
    driver = await stage.driver()
    await run_one(driver, "running")
    await driver.enqueue([*plain("queued"), NewJob("scheduled", "task", b"first", delay=1_000)])
    ids = ["running", "queued", "scheduled"]
    before = [await driver.job(job_id) for job_id in ids]
    again = [NewJob(job_id, "other", b"second", priority=5, delay=5, expires_in=5) for job_id in ids]
    assert await admissions(driver, again) == ["present"] * 3
    assert [await driver.job(job_id) for job_id in ids] == before
    await expect_counts(driver, queued=1, scheduled=1, running=1)


async def check_a_job_with_a_result_is_not_run_again(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim)])
    assert await admissions(driver, plain("a")) == ["finished"]
    assert await driver.state("a") is JobState.SUCCEEDED
    await expect_counts(driver)


async def check_a_job_without_a_result_is_not_run_again(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim, result_ttl=0)])
    assert await admissions(driver, plain("a")) == ["finished"]
    assert await driver.state("a") is JobState.SUCCEEDED
    await expect_counts(driver)


async def check_the_line_is_by_priority_then_first_in_first_out(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = [NewJob(f"{priority}/{number}", "task", b"", priority) for number in range(3) for priority in PRIORITIES]
    for job in jobs[:20]:
        await driver.enqueue([job])
    await driver.enqueue(jobs[20:])
    in_line = sorted(jobs, key=lambda job: -job.priority)
    expected = ids_of(in_line)
    await expect_line(driver, expected)
    await hire(driver)
    assert ids_of(await take(driver)) == expected


async def check_a_due_time_that_has_come_is_queued(stage: Stage) -> None:
    driver = await stage.driver()
    now = await driver.now()
    await driver.enqueue(
        [
            NewJob("past", "task", b"", eta=now - 100),
            NewJob("just", "task", b"", eta=now),
            NewJob("past-with-delay", "task", b"", eta=now - 100, delay=1_000),
        ]
    )
    await expect_line(driver, ["past", "just", "past-with-delay"])


async def check_a_due_time_ahead_is_scheduled(stage: Stage) -> None:
    driver = await stage.driver()
    before = await driver.now()
    await driver.enqueue(
        [
            NewJob("delay", "task", b"", delay=100),
            NewJob("eta", "task", b"", eta=before + 200),
            NewJob("both", "task", b"", eta=before + 300, delay=50),
        ]
    )
    after = await driver.now()
    due = {job_id: stored.due_at for job_id in ("delay", "eta", "both") if (stored := await driver.job(job_id))}
    assert before + 99.99 <= due["delay"] <= after + 100.01
    assert abs(due["eta"] - (before + 200)) < 0.01
    assert abs(due["both"] - (before + 300)) < 0.01
    assert [await driver.state(job_id) for job_id in due] == [JobState.SCHEDULED] * 3
    await expect_counts(driver, scheduled=3)


async def check_expiry_is_fixed_at_the_enqueue(stage: Stage) -> None:
    driver = await stage.driver()
    before = await driver.now()
    await driver.enqueue(
        [
            NewJob("in", "task", b"", expires_in=100),
            NewJob("at", "task", b"", expires_at=before + 200.5),
            NewJob("both", "task", b"", expires_at=before + 200.5, expires_in=100),
            NewJob("never", "task", b""),
        ]
    )
    after = await driver.now()
    await driver.shift(10)
    await hire(driver)
    expires = {claim.id: claim.expires_at for claim in await take(driver)}
    assert before + 99.99 <= expires["in"] <= after + 100.01
    assert abs(expires["at"] - (before + 200.5)) < 0.01
    assert expires["both"] == expires["at"]
    assert expires["never"] == 0


async def check_an_expired_job_is_left_to_its_worker(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", expires_in=10)])
    await driver.shift(100)
    await hire(driver)
    claimed = await driver.claim("worker", 1, 10, 1)
    assert ids_of(claimed.jobs) == ["a"]
    assert claimed.now > claimed.jobs[0].expires_at > 0


async def check_payloads_are_any_bytes(stage: Stage) -> None:
    driver = await stage.driver()
    payloads = {"empty": b"", "every": EVERY_BYTE, "utf-8": "é✓".encode(), "large": EVERY_BYTE * 8_192}
    await driver.enqueue([NewJob(job_id, "task", payload) for job_id, payload in payloads.items()])
    await hire(driver)
    claims = await take(driver)
    assert {claim.id: claim.payload for claim in claims} == payloads
    await driver.settle("worker", [success(claim, claim.payload) for claim in claims])
    results = await driver.results(list(payloads))
    assert {settled.id: settled.outcome for settled in results if settled} == payloads


async def check_ids_and_names_are_any_text(stage: Stage) -> None:
    driver = await stage.driver()
    texts = [
        "é✓😀",
        "with space",
        "a:b:c",
        "{tag}",
        "[1, 2]",
        "'\"`;--",
        "line\nbreak",
        "%s%d",
        "*?",
        "x" * 300,
        "0",
        "-1",
    ]
    await driver.enqueue([NewJob(text, text, b"") for text in texts])
    await driver.register("é worker {1}", 30, b"")
    claims = await take(driver, "é worker {1}")
    assert [(claim.id, claim.task) for claim in claims] == [(text, text) for text in texts]
    assert await driver.settle("é worker {1}", [success(claim) for claim in claims]) == ["settled"] * len(texts)
    assert ids_of([settled for settled in await driver.results(texts) if settled]) == texts


async def check_an_id_that_is_a_suspect_is_present(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, *plain("a"))
    assert await admissions(driver, plain("a")) == ["present"]
    await hire(driver)
    claim = await take_one(driver)
    assert claim.deliveries == 1


async def check_calls_take_effect_in_the_order_in_which_they_begin(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = numbered(40)
    await asyncio.gather(*(driver.enqueue(jobs[start : start + 4]) for start in range(0, 40, 4)))
    await expect_line(driver, ids_of(jobs))
