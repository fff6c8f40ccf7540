"""Results: kept, asked for, and pushed to whoever waits."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import Again, Driver, Finished, NewJob, Settled
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    AGES,
    BOUND,
    EVERY_BYTE,
    admissions,
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


class Listener:
    """What one driver's listener has heard."""

    def __init__(self) -> None:
        self.heard: dict[str, Settled | None] = {}
        self._news = asyncio.Event()

    def hear(self, job_id: str, settled: Settled | None) -> None:
        """Note a push."""
        self.heard[job_id] = settled
        self._news.set()

    async def hears(self, *ids: str) -> None:
        """Return when all these jobs were heard of."""
        async with asyncio.timeout(BOUND):
            while not self.heard.keys() >= set(ids):
                self._news.clear()
                await self._news.wait()


async def listening(driver: Driver) -> Listener:
    """Start a driver's listener."""
    listener = Listener()
    await driver.listen(listener.hear, lambda: None)
    return listener


async def finish(driver: Driver, *ids: str, outcome: bytes = b"value") -> None:
    """Claim and settle jobs, which are enqueued unless they are there."""
    await driver.enqueue(plain(*ids))
    worker = await hire(driver, f"worker-of-{ids[0]}")
    claims = await take(driver, worker, limit=len(ids))
    assert ids_of(claims) == list(ids)
    assert set(await driver.settle(worker, [success(claim, outcome) for claim in claims])) == {"settled"}


async def watching(driver: Driver, *ids: str, ttl: float = 60.0) -> None:
    """Watch jobs, which are enqueued unless they are there."""
    await driver.enqueue(plain(*ids))
    assert await driver.watch(ids, ttl) == [None] * len(ids)


async def check_results_come_in_the_order_of_the_ids(stage: Stage) -> None:
    driver = await stage.driver()
    await finish(driver, "a", "b")
    await driver.enqueue([*plain("queued"), NewJob("scheduled", "task", b"", delay=1_000)])
    a, b = (Settled(job_id, JobState.SUCCEEDED, b"value") for job_id in "ab")
    assert await driver.results(["b", "unheard-of", "a", "queued", "scheduled", "b"]) == [b, None, a, None, None, b]


async def check_a_running_job_has_no_result(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    assert await driver.results(["a"]) == [None]
    await driver.settle("worker", [Again("a", claim.token)])
    assert await driver.results(["a"]) == [None]


async def check_reading_a_result_keeps_it(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await finish(driver, "a", outcome=EVERY_BYTE)
    for each in (driver, other, driver):
        assert await each.results(["a"]) == [Settled("a", JobState.SUCCEEDED, EVERY_BYTE)]


async def check_without_a_ttl_only_the_state_is_kept(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [Finished("a", claim.token, JobState.CANCELLED, b"value", result_ttl=0)])
    assert await driver.results(["a"]) == [Settled("a", JobState.CANCELLED, b"")]
    assert await driver.state("a") is JobState.CANCELLED


async def check_a_result_is_forgotten_after_its_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim, result_ttl=0.05)])
    async with asyncio.timeout(BOUND):
        while (settled := (await driver.results(["a"]))[0]) is not None and settled.outcome:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # no store tells when it forgets
    assert await driver.state("a") is JobState.SUCCEEDED
    assert await admissions(driver, plain("a")) == ["finished"]


async def check_a_watched_job_is_pushed(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "a", "b")
    await finish(worker, "a", "b", outcome=EVERY_BYTE)
    await listener.hears("a", "b")
    assert listener.heard["a"] == Settled("a", JobState.SUCCEEDED, EVERY_BYTE)


async def check_a_watched_job_is_pushed_in_each_terminal_state(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    states = {"f": JobState.FAILED, "c": JobState.CANCELLED, "e": JobState.EXPIRED, "s": JobState.SUCCEEDED}
    await watching(waiter, *states)
    await worker.enqueue(plain(*states))
    await hire(worker)
    claims = await take(worker)
    await worker.settle("worker", [Finished(claim.id, claim.token, states[claim.id], b"x", 60) for claim in claims])
    await listener.hears(*states)
    assert listener.heard == {job_id: Settled(job_id, state, b"x") for job_id, state in states.items()}


async def check_a_job_without_a_result_is_pushed_too(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "a")
    claim = await run_one(worker, "a")
    await worker.settle("worker", [success(claim, b"", result_ttl=0)])
    await listener.hears("a")
    assert listener.heard["a"] in {None, Settled("a", JobState.SUCCEEDED, b"")}


async def check_watching_a_finished_job_answers_at_once(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    await listening(waiter)
    await finish(worker, "a")
    await worker.enqueue(plain("live"))
    expected = Settled("a", JobState.SUCCEEDED, b"value")
    assert await waiter.watch(["live", "a"], 60) == [None, expected]


async def check_every_live_job_can_be_watched(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await run_one(worker, "running")
    await make_suspects(worker, *plain("suspect"))
    await worker.enqueue([NewJob("scheduled", "task", b"", delay=100), *plain("queued")])
    ids = ["running", "suspect", "scheduled", "queued"]
    assert await waiter.watch(ids, 10_000) == [None] * 4
    await worker.shift(200)
    await worker.promote(10)
    claims = [*await take(worker), *await take(worker, batch=2)]
    assert await worker.settle("worker", [success(claim) for claim in claims]) == ["settled"] * 4
    await listener.hears(*ids)


async def check_watching_a_job_without_a_trace_says_so(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    assert await waiter.watch(["a"], 60) == [Settled("a", JobState.UNKNOWN, b"")]
    await finish(worker, "a")
    await watching(waiter, "last")
    await finish(worker, "last")
    await listener.hears("last")
    assert set(listener.heard) == {"last"}


async def check_the_result_is_readable_when_the_push_comes(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "a")
    await finish(worker, "a")
    await listener.hears("a")
    assert await waiter.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"value")]


async def check_large_outcomes_arrive(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "a")
    large = EVERY_BYTE * 4_096
    await finish(worker, "a", outcome=large)
    await listener.hears("a")
    expected = Settled("a", JobState.SUCCEEDED, large)
    assert listener.heard["a"] in {None, expected}
    assert await waiter.results(["a"]) == [expected]


async def check_everyone_who_watches_hears(stage: Stage) -> None:
    one, two, worker = await stage.driver(), await stage.driver(), await stage.driver()
    first, second = await listening(one), await listening(two)
    await watching(one, "a")
    await watching(two, "a")
    await watching(one, "a")
    await finish(worker, "a")
    await first.hears("a")
    await second.hears("a")


async def check_nobody_hears_what_is_not_watched(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await waiter.enqueue(plain("never-watched"))
    await watching(waiter, "unwatched", "last")
    await waiter.unwatch(["unwatched", "unheard-of"])
    await finish(worker, "never-watched")
    await finish(worker, "unwatched")
    await finish(worker, "last")
    await listener.hears("last")
    assert set(listener.heard) == {"last"}


async def check_unwatching_leaves_other_listeners_alone(stage: Stage) -> None:
    one, two, worker = await stage.driver(), await stage.driver(), await stage.driver()
    await listening(one)
    second = await listening(two)
    await watching(one, "a")
    await watching(two, "a")
    await one.unwatch(["a"])
    await finish(worker, "a")
    await second.hears("a")


async def check_a_registration_ends_with_its_ttl(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "short", ttl=0.05)
    await watching(waiter, "long")
    await asyncio.sleep(0.2)
    await finish(worker, "short")
    await finish(worker, "long")
    await listener.hears("long")
    assert set(listener.heard) == {"long"}


async def check_a_registration_may_last_for_ages(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    for ages in AGES:
        await watching(waiter, f"{ages}", ttl=ages)
        await watching(waiter, f"{ages}", ttl=ages)
        await finish(worker, f"{ages}")
    await listener.hears(*(f"{ages}" for ages in AGES))


async def check_watching_again_renews_the_registration(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "a", ttl=0.05)
    await watching(waiter, "a")
    await asyncio.sleep(0.2)
    await watching(waiter, "another")
    await finish(worker, "a")
    await listener.hears("a")


async def check_a_retry_is_no_result(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await watching(waiter, "a", "b")
    claim = await run_one(worker, "a")
    await worker.settle("worker", [Again("a", claim.token)])
    await finish(worker, "b")
    await listener.hears("b")
    assert set(listener.heard) == {"b"}
    claim = await take_one(worker, batch=2)
    await worker.settle("worker", [success(claim)])
    await listener.hears("a")


async def check_a_watch_that_races_the_settle_misses_nothing(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    jobs = numbered(100)
    await worker.enqueue(jobs)
    await hire(worker)
    claims = await take(worker)
    watched, _ = await asyncio.gather(
        asyncio.gather(*(waiter.watch([job.id], 60) for job in jobs)),
        asyncio.gather(*(worker.settle("worker", [success(claim)]) for claim in claims)),
    )
    known = {settled.id for (settled,) in watched if settled}
    await listener.hears(*(set(ids_of(jobs)) - known))


async def check_many_are_watched_at_once(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    ids = ids_of(numbered(2_500))
    await watching(waiter, *ids)
    await finish(worker, *ids)
    await listener.hears(*ids)
    assert all(await waiter.watch(ids, 60))
    await waiter.unwatch(ids)


async def check_a_closed_listener_is_deaf(stage: Stage) -> None:
    closed, waiter, worker = await stage.driver(), await stage.driver(), await stage.driver()
    deaf, listener = await listening(closed), await listening(waiter)
    await watching(closed, "a")
    await watching(waiter, "a")
    await closed.close()
    await finish(worker, "a")
    await listener.hears("a")
    assert deaf.heard == {}


async def check_large_results_are_all_told(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = numbered(40)
    half_mb = bytes(512 * 1024)
    await driver.enqueue([*jobs, *plain("open")])
    await hire(driver)
    claims = await take(driver, limit=len(jobs))
    assert set(await driver.settle("worker", [success(claim, half_mb) for claim in claims])) == {"settled"}
    await driver.listen(lambda _id, _settled: None, lambda: None)
    ids = [*ids_of(jobs), "open", "never"]
    done = [Settled(job_id, JobState.SUCCEEDED, half_mb) for job_id in ids_of(jobs)]
    assert await driver.results(ids) == [*done, None, None]
    assert await driver.watch(ids, 60) == [*done, None, Settled("never", JobState.UNKNOWN, b"")]
