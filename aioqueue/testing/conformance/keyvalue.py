"""The key-value store: values by key, each for its time, in a keyspace of its own."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import Driver
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import AGES, EVERY_BYTE, expect_counts, plain, run_one, success

NO_NUMBERS = (b"", b"x", b"1.5", b"1e3", b"0x10", b"\xff", b"1 2", b"+1", b"007", b"-0", b"%d" % 2**63, b"9" * 5_000)
LARGEST = 2**63 - 1


async def expect_value(driver: Driver, key: str, value: bytes | None) -> None:
    """Check what is stored under a key."""
    assert await driver.get(key) == value


async def check_a_value_is_stored_as_it_was_given(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    for value in (b"", EVERY_BYTE, EVERY_BYTE * 4_096, b"0"):
        await driver.put("key", value)
        await expect_value(other, "key", value)
        await expect_value(driver, "key", value)
    await expect_value(driver, "other", None)


async def check_a_value_takes_the_place_of_another(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.put("key", b"first")
    await other.put("key", b"second")
    await other.put("key", b"second")
    await expect_value(driver, "key", b"second")


async def check_a_value_without_a_ttl_is_never_forgotten(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("put", b"value")
    await driver.put_if_absent("put if absent", b"value")
    await driver.increment("number")
    await driver.shift(100 * 365 * 86_400)
    await expect_value(driver, "put", b"value")
    await expect_value(driver, "put if absent", b"value")
    await expect_value(driver, "number", b"1")


async def check_a_value_is_forgotten_after_its_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("put", b"value", 100)
    await driver.put_if_absent("put if absent", b"value", 100)
    await driver.shift(50)
    await expect_value(driver, "put", b"value")
    await expect_value(driver, "put if absent", b"value")
    await driver.shift(100)
    for key in ("put", "put if absent"):
        await expect_value(driver, key, None)
        assert await driver.pop(key) is None
        assert not await driver.delete(key)


async def check_a_later_put_sets_the_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("longer", b"value", 100)
    await driver.put("shorter", b"value")
    await driver.put("longer", b"value")
    await driver.put("shorter", b"value", 100)
    await driver.shift(200)
    await expect_value(driver, "longer", b"value")
    await expect_value(driver, "shorter", None)


async def check_put_if_absent_stores_once(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.put_if_absent("key", b"first", 100)
    assert not await other.put_if_absent("key", b"second")
    await expect_value(other, "key", b"first")
    await driver.shift(200)
    assert await other.put_if_absent("key", b"third")
    await expect_value(driver, "key", b"third")


async def check_an_empty_value_is_a_value(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("key", b"")
    assert not await driver.put_if_absent("key", b"other")
    assert await driver.pop("key") == b""
    await driver.put("key", b"")
    assert await driver.delete("key")


async def check_pop_removes_a_value(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.put("key", EVERY_BYTE)
    assert await other.pop("key") == EVERY_BYTE
    assert await driver.pop("key") is None
    await expect_value(driver, "key", None)
    assert await driver.put_if_absent("key", b"next")


async def check_delete_removes_a_value(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.put("key", b"value")
    assert await other.delete("key")
    assert not await driver.delete("key")
    await expect_value(driver, "key", None)


async def check_a_number_counts(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.increment("number") == 1
    assert await other.increment("number", 41) == 42
    await expect_value(driver, "number", b"42")
    assert await driver.increment("number", -50) == -8
    await expect_value(other, "number", b"-8")
    assert await driver.increment("number", 0) == -8
    assert await driver.increment("zero", 0) == 0


async def check_a_number_may_have_been_put(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("number", b"41")
    assert await driver.increment("number") == 42
    await driver.put("number", b"-41")
    assert await driver.increment("number") == -40
    await driver.put("number", b"%d" % 2**53)
    assert await driver.increment("number") == 2**53 + 1


async def check_only_whole_numbers_count(stage: Stage) -> None:
    driver = await stage.driver()
    for value in NO_NUMBERS:
        await driver.put("key", value)
        try:
            await driver.increment("key")
        except ValueError:
            await expect_value(driver, "key", value)
        else:
            raise AssertionError(f"{value!r} was counted")


async def check_a_number_stays_within_64_bits(stage: Stage) -> None:
    driver = await stage.driver()
    for start, by in ((LARGEST, 1), (-LARGEST - 1, -1), (0, LARGEST + 1), (-1, LARGEST + 1), (1, -LARGEST - 2)):
        await driver.put("number", b"%d" % start, 100)
        try:
            await driver.increment("number", by)
        except ValueError:
            await expect_value(driver, "number", b"%d" % start)
        else:
            raise AssertionError(f"{by} was added to {start}")
    await driver.put("number", b"%d" % (LARGEST - 1))
    assert await driver.increment("number") == LARGEST
    assert await driver.increment("number", -LARGEST) == 0
    assert await driver.increment("number", -LARGEST - 1) == -LARGEST - 1
    await driver.shift(1_000)
    await expect_value(driver, "number", b"%d" % (-LARGEST - 1))


async def check_a_number_keeps_its_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("number", b"41", 100)
    await driver.shift(60)
    assert await driver.increment("number") == 42
    await driver.shift(60)
    await expect_value(driver, "number", None)
    assert await driver.increment("number") == 1
    await driver.shift(1_000)
    await expect_value(driver, "number", b"1")


async def check_a_value_may_be_kept_for_ages(stage: Stage) -> None:
    driver = await stage.driver()
    for ttl in AGES:
        await driver.put("key", b"value", ttl)
        await expect_value(driver, "key", b"value")
        assert await driver.pop("key") == b"value"
        assert await driver.put_if_absent("key", b"1", ttl)
        assert await driver.increment("key") == 2
        await driver.delete("key")


async def check_of_many_at_once(stage: Stage) -> None:
    drivers = [await stage.driver(), await stage.driver()]
    pairs = [(f"value {number}".encode(), drivers[number % 2]) for number in range(30)]
    await asyncio.gather(*(driver.increment("number", 2) for _, driver in pairs))
    assert await drivers[0].increment("number", 0) == 60
    assert sum(await asyncio.gather(*(driver.put_if_absent("once", value) for value, driver in pairs))) == 1
    popped = await asyncio.gather(*(driver.pop("once") for _, driver in pairs))
    assert len([value for value in popped if value is not None]) == 1


async def check_the_keyspace_is_apart_from_jobs(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.put("a", b"value")
    await driver.put("jobs", b"value")
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim, b"result")])
    await expect_value(driver, "a", b"value")
    assert await driver.delete("a")
    assert await driver.state("a") is JobState.SUCCEEDED
    await expect_counts(driver)


async def check_queues_keep_their_values_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.put("key", b"value")
    await expect_value(other, "key", None)
    assert not await other.delete("key")
    await expect_value(one, "key", b"value")


async def check_values_stay_when_drivers_close_and_queues_are_flushed(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    await driver.put("key", b"value")
    await driver.flush()
    await driver.close()
    other = await stage.driver()
    await expect_value(other, "key", b"value")


async def check_names_of_values_are_any_text(stage: Stage) -> None:
    driver = await stage.driver()
    keys = ["é✓😀", "a:b", "{tag}", "%s", "'\"", "x" * 300, " ", "0", "line\nbreak", "*", ""]
    for key in keys:
        await driver.put(key, key.encode())
    for key in keys:
        assert await driver.pop(key) == key.encode()


async def check_a_put_that_is_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        await cut_off(driver.put("key", b"%d" % turns), turns)
        await driver.put("key", b"%d" % turns)
        await cut_off(driver.get("key"), turns)
        await expect_value(driver, "key", b"%d" % turns)
        await cut_off(driver.delete("key"), turns)
        await driver.delete("key")
        await expect_value(driver, "key", None)
