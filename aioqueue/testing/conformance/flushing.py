"""Flush: of what is coordinated over a queue only the pause and the key-value store stay."""

from __future__ import annotations

from aioqueue.drivers.base import Driver, Ended, Finished, Membership, NewChord, NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.news import reading
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import admissions, expect_counts, expect_states, hire, plain, take_one

SLOT = 1_700_000_000.0


async def coordinate(driver: Driver) -> None:
    """Leave something of every kind in the store."""
    await driver.revoke("job:a")
    await driver.revoke("task:task", once=True)
    await driver.fire("schedule", SLOT, NewJob("fired", "task", b""))
    await driver.acquire("lock", "owner", 600)
    await driver.spend("rate", 1, 600)
    await driver.note("a", b"note", 600)
    await driver.put("key", b"value")
    await driver.enqueue(
        [NewJob("a", "task", b"", unique="key", waits=("place",))], [NewChord(NewJob("callback", "task", b""), 1)]
    )


async def check_a_flush_removes_what_waits_and_what_stops(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await coordinate(driver)
    await other.flush()
    await expect_counts(driver)
    await expect_states(driver, dict.fromkeys(("a", "place", "callback", "fired"), JobState.UNKNOWN))
    assert await driver.revocations(["job:a", "task:task"]) == [None, None]
    assert not await driver.restore("job:a")
    assert await driver.cancel(Ended("place", JobState.CANCELLED)) == "unknown"
    assert await admissions(driver, [NewJob("b", "task", b"", unique="key"), *plain("place")]) == ["accepted"] * 2


async def check_a_flush_removes_slots_locks_rates_and_notes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await coordinate(driver)
    await other.flush()
    assert await driver.last_slots(["schedule"]) == [None]
    assert await driver.fire("schedule", SLOT - 60, NewJob("earlier", "task", b""))
    assert await driver.holders(["lock"]) == [0]
    assert await driver.acquire("lock", "other", 600)
    assert await driver.spend("rate", 1, 600) == 0.0
    assert await driver.notes("a", 0) == []
    assert await driver.note("a", b"note", 600) == 1


async def check_a_flush_removes_the_values_of_chords(stage: Stage) -> None:
    driver = await stage.driver()
    callback = NewChord(NewJob("callback", "task", b""), 2)
    for batch in (1, 2):
        await driver.enqueue(plain("member"), [callback])
        await hire(driver)
        claim = await take_one(driver, batch=batch)
        outcome = Finished("member", claim.token, JobState.SUCCEEDED, b"", 60, member=Membership("callback", batch % 2))
        assert await driver.settle("worker", [outcome]) == ["settled"]
        await expect_states(driver, {"callback": JobState.SCHEDULED})
        await driver.flush()


async def check_a_flush_leaves_the_pause_the_values_and_the_readers(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    reader = await reading(other, "topic")
    await coordinate(driver)
    await driver.pause()
    await driver.flush()
    assert await other.is_paused()
    assert await other.get("key") == b"value"
    await driver.publish("topic", b"heard")
    await reader.hears("topic", b"heard")


async def check_a_flush_of_everything_that_is_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        await coordinate(driver)
        await cut_off(driver.flush(), turns)
        await driver.flush()
        await expect_states(driver, dict.fromkeys(("a", "place", "callback", "fired"), JobState.UNKNOWN))
        assert await driver.holders(["lock"]) == [0]
