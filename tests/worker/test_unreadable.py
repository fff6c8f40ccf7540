"""Jobs that a worker cannot or must not run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from aioqueue import JobState, Queue, TaskException, TaskExpired, TaskLost, chord
from aioqueue.drivers.base import Claim, Driver, Finished, NewJob
from aioqueue.ids import new_id
from aioqueue.record import FORMAT, Record, encode_record
from aioqueue.worker import executor
from aioqueue.worker.conclusion import DEFERRALS, defer, give_up
from aioqueue.worker.reading import read_claim
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio

GARBAGE = [
    b"",
    b"\xff" * 40,
    b"\xc1",
    b"not msgpack at all",
    b"\x80",
    encode_record(Record(FORMAT, "task", b""))[:-1],
    msgspec.msgpack.encode({"v": 1}),
    msgspec.msgpack.encode({"v": "1", "t": "task", "a": b""}),
    msgspec.msgpack.encode([1, "task", b""]),
    msgspec.msgpack.encode({"v": 1, "t": "task", "a": b"", "r": "many"}),
    b"\x91" * 10_000,
]


async def put(driver: Driver, payload: bytes, task: str = "task") -> str:
    job_id = new_id()
    await driver.enqueue([NewJob(job_id, task, payload)])
    return job_id


def newer(task: str) -> bytes:
    return msgspec.msgpack.encode({"v": FORMAT + 1, "t": task, "a": {"not": "bytes"}})


async def test_bytes_that_are_no_job_are_dead_letters_at_once_and_their_neighbours_run(queue: Queue) -> None:
    @queue.task
    async def fine(n: int) -> int:
        return n

    async with queue:
        driver = (await queue.session()).driver
        ids = [await put(driver, payload) for payload in GARBAGE]
        results = await fine.map(range(5))
        async with queue.worker(concurrency=2):
            assert await results.get(timeout=5) == [0, 1, 2, 3, 4]
            for job_id in ids:
                with pytest.raises(TaskException, match="cannot be read"):
                    await queue.result(job_id).get(timeout=5)
            assert await (await fine(9)).get(timeout=5) == 9
        page = await driver.jobs("dead")
        assert {job.id for job in page.jobs} == set(ids)
        assert {job.id: job.payload for job in page.jobs} == dict(zip(ids, GARBAGE, strict=True))


async def test_what_waits_for_a_job_of_a_newer_format_ends_with_it_as_far_as_that_can_be_read() -> None:
    later = {"then": [{"id": "second", "t": 1}, {"id": "third"}], "beyond": ["callback"]}
    payload = msgspec.msgpack.encode({"v": FORMAT + 1, "t": "task", "a": {"not": "bytes"}, **later})
    for outcome in (
        defer(Claim("first", 1, "task", payload, 0, 0, DEFERRALS, 0.0), "was written by a newer release"),
        give_up(Claim("first", 1, "task", payload, 0, 0, 0, 0.0), "aioqueue itself failed"),
    ):
        assert isinstance(outcome, Finished)
        assert [(ended.id, ended.state) for ended in outcome.ends] == [
            (job_id, JobState.FAILED) for job_id in ("second", "third", "callback")
        ]


async def test_a_member_at_which_aioqueue_itself_fails_ends_its_chord(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []

    @queue.task
    async def member(n: int) -> int:
        return n

    @queue.task
    async def total(values: list[int]) -> int:
        return sum(values)

    @queue.task
    async def failed(error: Any) -> None:
        called.append(error)

    def fail_at(claim: Claim, *rest: Any) -> Any:
        if claim.id == broken.id:
            raise ZeroDivisionError("a bug")
        return read_claim(claim, *rest)

    monkeypatch.setattr(executor, "read_claim", fail_at)
    broken = member.s(2).error(failed)
    async with queue, queue.worker():
        result = await queue.enqueue(chord([member.s(1), broken], total))
        with pytest.raises(TaskException, match="aioqueue itself failed"):
            await result.get(timeout=5)
        await eventually(lambda: len(called) == 1)
        assert [job.id for job in (await (await queue.session()).driver.jobs("dead")).jobs] == [broken.id]


@pytest.mark.parametrize("arguments", [b"", b"\xff", b"\x91\x01", b"\xc1" * 9], ids=repr)
async def test_arguments_that_are_garbage_fail_their_job(memory_queue: Queue, arguments: bytes) -> None:
    @memory_queue.task(name="known")
    async def known(a: int) -> int:
        return a

    async with memory_queue as queue:
        job_id = await put((await queue.session()).driver, encode_record(Record(FORMAT, "known", arguments)), "known")
        async with queue.worker():
            with pytest.raises(TaskException, match="known"):
                await queue.result(job_id).get(timeout=5)
            assert await known.call(1) == 1


async def defer_until_dead(queue: Queue, job_id: str) -> tuple[int, float]:
    """Move the store's time until the job is a dead letter; answer how often it was put back and for how long."""
    driver = (await queue.session()).driver
    times, waited, due_at = 0, 0.0, 0.0

    async def has_moved() -> bool:
        job = await driver.job(job_id)
        assert job is not None and job.deliveries == 0
        return job.state is JobState.FAILED or (job.state is JobState.SCHEDULED and job.due_at > due_at)

    async with queue.worker():
        while times < 100:
            await eventually(has_moved)
            job = await driver.job(job_id)
            assert job is not None
            if job.state is JobState.FAILED:
                break
            due_at = job.due_at
            due_in = max(due_at - await driver.now(), 0) + 0.01
            times, waited = times + 1, waited + due_in
            await driver.shift(due_in)
            # Moving the clock wakes nobody; enqueueing does.
            await put(driver, b"")
    return times, waited


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (newer, "newer release"),
        (lambda task: encode_record(Record(FORMAT, task, b"")), "no worker here knows"),
    ],
    ids=["newer", "unknown"],
)
async def test_what_another_worker_may_know_waits_ten_minutes_for_it(
    queue: Queue, make: Callable[[str], bytes], reason: str
) -> None:
    async with queue:
        driver = (await queue.session()).driver
        job_id = await put(driver, make("unknown"), "unknown")
        times, waited = await defer_until_dead(queue, job_id)
        assert times == pytest.approx(15, abs=2)
        assert waited == pytest.approx(600, rel=0.2)
        with pytest.raises(TaskException, match=reason):
            await queue.result(job_id).get(timeout=5)
        dead = [job for job in (await driver.jobs("dead")).jobs if job.id == job_id]
        assert reason in dead[0].dead_reason


async def test_an_unknown_task_runs_at_a_worker_that_knows_it(make_queue: MakeQueue) -> None:
    old, new = make_queue(), make_queue()

    @new.task(name="recent")
    async def recent() -> str:
        return "ran"

    async with old, new:
        result = await recent()
        driver = (await old.session()).driver
        async with old.worker():
            await eventually(lambda: _is(driver, result.id, JobState.SCHEDULED))
        await driver.shift(5)
        async with new.worker():
            assert await result.get(timeout=5) == "ran"


async def _is(driver: Driver, job_id: str, state: JobState) -> bool:
    return await driver.state(job_id) is state


async def test_a_record_of_this_format_with_more_fields_is_read(memory_queue: Queue) -> None:
    @memory_queue.task(name="known")
    async def known(a: int = 1) -> int:
        return a

    async with memory_queue as queue:
        payload = msgspec.msgpack.encode({"v": FORMAT, "t": "known", "a": msgspec.msgpack.encode({}), "zz": 5})
        job_id = await put((await queue.session()).driver, payload, "known")
        async with queue.worker():
            assert await queue.result(job_id).get(timeout=5) == 1


async def test_a_job_that_was_not_started_in_time_expires(queue: Queue) -> None:
    ran: list[str] = []

    @queue.task
    async def body(name: str) -> str:
        ran.append(name)
        return name

    async with queue:
        driver = (await queue.session()).driver
        late = await body.options(expires=10)("late")
        fine = await body.options(expires=1000)("fine")
        later = await body.options(delay=5, expires=1000)("later")
        await driver.shift(100)
        async with queue.worker():
            assert await fine.get(timeout=5) == "fine"
            assert await later.get(timeout=5) == "later"
            with pytest.raises(TaskExpired):
                await late.get(timeout=5)
        assert await late.state() is JobState.EXPIRED
    assert sorted(ran) == ["fine", "later"]


@pytest.mark.parametrize("options", [{"max_deliveries": 2}, {"at_most_once": True}], ids=str)
async def test_a_job_whose_workers_disappear_is_lost(queue: Queue, options: dict[str, Any]) -> None:
    ran = 0

    @queue.task(**options)
    async def body() -> None:
        nonlocal ran
        ran += 1

    async with queue:
        driver = (await queue.session()).driver
        result = await body()
        for _ in range(options.get("max_deliveries", 1)):
            dying = new_id()
            await driver.register(dying, 30, b"")
            claimed = await driver.claim(dying, 1, 10, 1)
            assert [claim.id for claim in claimed.jobs] == [result.id]
            assert await driver.reap(dying, next(x.counter for x in await driver.leases())) == 1
        async with queue.worker():
            with pytest.raises(TaskLost):
                await result.get(timeout=5)
        dead = (await driver.jobs("dead")).jobs
        assert [job.id for job in dead] == [result.id]
        assert await result.state() is JobState.FAILED
    assert ran == 0


async def test_results_off_keep_the_state_only(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task(results=False)
    async def body(n: int) -> int:
        ran.append(n)
        if n < 0:
            raise ValueError
        return n

    async with queue, queue.worker():
        good, bad = await body(1), await body(-1)
        for result, state in ((good, JobState.SUCCEEDED), (bad, JobState.FAILED)):
            await eventually(lambda result=result, state=state: _is((queue._session or 0).driver, result.id, state))  # type: ignore[union-attr,misc]
        (settled,) = await (await queue.session()).driver.results([good.id])
        assert settled is None or settled.outcome == b""
    assert sorted(ran) == [-1, 1]
