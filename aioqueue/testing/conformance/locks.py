"""Locks and semaphores: places that are taken for a time, by an owner each."""

from __future__ import annotations

import asyncio

from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import AGES


async def check_a_lock_has_one_owner(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.acquire("lock", "one", 60)
    assert not await other.acquire("lock", "two", 60)
    assert await other.acquire("other lock", "two", 60)
    assert await driver.free("lock", "one")
    assert await other.acquire("lock", "two", 60)
    assert not await driver.acquire("lock", "one", 60)


async def check_an_owner_keeps_its_place(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.acquire("lock", "one", 100)
    assert await other.acquire("lock", "one", 100)
    assert await driver.holders(["lock"]) == [1]
    assert await driver.free("lock", "one")
    assert await driver.holders(["lock"]) == [0]


async def check_an_acquire_sent_again_lasts_as_long_as_it_says(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.acquire("lock", "one", 100)
    await driver.shift(60)
    assert await driver.acquire("lock", "one", 100)
    await driver.shift(60)
    assert not await driver.acquire("lock", "two", 100)


async def check_a_place_may_be_held_for_ages(stage: Stage) -> None:
    driver = await stage.driver()
    for ttl in AGES:
        assert await driver.acquire("lock", "one", ttl)
        assert await driver.extend("lock", "one", ttl)
        assert not await driver.acquire("lock", "two", 60)
        assert await driver.acquire("other lock", "two", 60)
        assert await driver.free("lock", "one")
        assert await driver.holders(["lock", "other lock"]) == [0, 1]
        assert await driver.clear([]) == 1


async def check_a_semaphore_has_places(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert [await each.acquire("semaphore", owner, 60, 2) for each, owner in ((driver, "a"), (other, "b"))] == [
        True
    ] * 2
    assert not await driver.acquire("semaphore", "c", 60, 2)
    assert await driver.acquire("semaphore", "a", 60, 2)
    assert await driver.holders(["semaphore"]) == [2]
    assert await other.free("semaphore", "a")
    assert await other.acquire("semaphore", "c", 60, 2)
    assert not await driver.acquire("semaphore", "a", 60, 2)


async def check_the_limit_is_that_of_the_call(stage: Stage) -> None:
    driver = await stage.driver()
    for owner in ("a", "b", "c"):
        assert await driver.acquire("semaphore", owner, 60, 3)
    assert not await driver.acquire("semaphore", "d", 60, 2)
    assert await driver.acquire("semaphore", "a", 60, 2)
    assert await driver.acquire("semaphore", "d", 60, 4)


async def check_a_place_is_lost_after_its_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.acquire("lock", "one", 100)
    await driver.shift(200)
    assert await driver.holders(["lock"]) == [0]
    assert not await driver.extend("lock", "one", 100)
    assert not await driver.free("lock", "one")
    assert await driver.acquire("lock", "two", 100)
    assert not await driver.extend("lock", "one", 100)
    assert not await driver.free("lock", "one")
    assert not await driver.acquire("lock", "one", 100)


async def check_each_place_has_its_own_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.acquire("semaphore", "short", 100, 2)
    await driver.acquire("semaphore", "long", 300, 2)
    await driver.shift(200)
    assert await driver.holders(["semaphore"]) == [1]
    assert await driver.acquire("semaphore", "third", 300, 2)
    assert not await driver.acquire("semaphore", "short", 300, 2)
    assert await driver.extend("semaphore", "long", 300)


async def check_a_place_is_held_for_longer(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.acquire("lock", "one", 100)
    await driver.shift(60)
    assert await other.extend("lock", "one", 100)
    await driver.shift(60)
    assert not await driver.acquire("lock", "two", 100)
    assert await driver.extend("lock", "one", 100)
    assert await driver.extend("lock", "one", 100)
    await driver.shift(60)
    assert await driver.holders(["lock"]) == [1]
    await driver.shift(60)
    assert await driver.acquire("lock", "two", 100)


async def check_only_an_owner_extends_and_frees(stage: Stage) -> None:
    driver = await stage.driver()
    assert not await driver.extend("lock", "one", 60)
    assert not await driver.free("lock", "one")
    assert await driver.acquire("lock", "one", 60)
    assert not await driver.extend("lock", "two", 60)
    assert not await driver.free("lock", "two")
    assert await driver.holders(["lock"]) == [1]
    assert await driver.free("lock", "one")
    assert not await driver.free("lock", "one")
    assert not await driver.extend("lock", "one", 60)


async def check_holders_come_in_the_order_of_the_names(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.acquire("one", "a", 60)
    for owner in ("a", "b"):
        await driver.acquire("two", owner, 60, 5)
    assert await other.holders(["two", "none", "one", "two"]) == [2, 0, 1, 2]
    assert await other.holders([]) == []


async def check_locks_are_cleared_by_name(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    for name, owner in (("one", "a"), ("two", "a"), ("two", "b"), ("three", "a")):
        await driver.acquire(name, owner, 60, 5)
    assert await other.clear(["one", "two", "none"]) == 3
    assert await other.clear(["one", "two", "none"]) == 0
    assert await driver.holders(["one", "two", "three"]) == [0, 0, 1]
    assert not await driver.extend("one", "a", 60)
    assert not await driver.free("two", "b")
    assert await driver.acquire("one", "c", 60)


async def check_all_locks_are_cleared(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    for name in ("one", "two", "three"):
        await driver.acquire(name, "a", 60)
    assert await other.clear([]) == 3
    assert await other.clear([]) == 0
    assert await driver.holders(["one", "two", "three"]) == [0, 0, 0]


async def check_lost_places_are_not_cleared(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.acquire("one", "short", 100, 2)
    await driver.acquire("one", "long", 300, 2)
    await driver.acquire("two", "short", 100)
    await driver.shift(200)
    assert await driver.clear([]) == 1


async def check_of_many_owners_so_many_get_in(stage: Stage) -> None:
    drivers = [await stage.driver(), await stage.driver()]
    calls = [drivers[number % 2].acquire("semaphore", f"owner-{number}", 60, 3) for number in range(20)]
    assert sum(await asyncio.gather(*calls)) == 3
    assert await drivers[0].holders(["semaphore"]) == [3]


async def check_places_stay_when_drivers_close(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.acquire("lock", "one", 60)
    await driver.close()
    other = await stage.driver()
    assert not await other.acquire("lock", "two", 60)
    assert await other.extend("lock", "one", 60)


async def check_queues_keep_their_locks_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.acquire("lock", "a", 60)
    assert await other.acquire("lock", "b", 60)
    assert await other.clear([]) == 1
    assert await one.holders(["lock"]) == [1]


async def check_names_and_owners_are_any_text(stage: Stage) -> None:
    driver = await stage.driver()
    texts = ["é✓😀", "a:b", "{tag}", "%s", "'\"", "x" * 300, " ", "0"]
    for text in texts:
        assert await driver.acquire(text, text, 60)
        assert not await driver.acquire(text, "other", 60)
    assert await driver.holders(texts) == [1] * len(texts)
    assert await driver.clear(texts) == len(texts)


async def check_lock_operations_that_are_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        name = f"lock-{turns}"
        await cut_off(driver.acquire(name, "one", 60), turns)
        assert await driver.acquire(name, "one", 60)
        await cut_off(driver.extend(name, "one", 60), turns)
        assert await driver.extend(name, "one", 60)
        assert await driver.holders([name]) == [1]
        await cut_off(driver.free(name, "one"), turns)
        await driver.free(name, "one")
        assert await driver.holders([name]) == [0]
