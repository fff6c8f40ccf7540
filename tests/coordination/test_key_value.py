"""A keyspace of the application's own."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aioqueue import PayloadTooLarge, Queue, SerializationError
from tests.core.stores import MakeQueue

pytestmark = pytest.mark.asyncio


@dataclass
class Point:
    x: int
    y: int


class Level(int, enum.Enum):
    HIGH = 7


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -7,
        2**63 - 1,
        -(2**63),
        1.5,
        "",
        "text ü",
        "m",
        "5",
        b"bytes",
        [1, "a", None],
        {"a": {"b": [1]}},
    ],
    ids=repr,
)
async def test_a_value_comes_back_as_it_was_put(queue: Queue, value: object) -> None:
    async with queue:
        await queue.kv.put("k", value)
        assert await queue.kv.get("k") == value
        assert await queue.kv.get("k", "default") == value
        assert type(await queue.kv.get("k")) is type(value)


async def test_a_value_comes_back_as_the_type_that_is_asked_for(queue: Queue) -> None:
    async with queue:
        await queue.kv.put("point", Point(1, 2))
        assert await queue.kv.get("point") == {"x": 1, "y": 2}
        assert await queue.kv.get("point", None, type=Point) == Point(1, 2)
        now = datetime.now(UTC)
        await queue.kv.put("when", now)
        assert await queue.kv.get("when", None, type=datetime) == now
        assert await queue.kv.get("absent", Point(0, 0), type=Point) == Point(0, 0)
        await queue.kv.put("level", Level.HIGH)
        assert await queue.kv.get("level", None, type=Level) is Level.HIGH
        with pytest.raises(SerializationError, match="not of the type"):
            await queue.kv.get("point", None, type=int)


async def test_get_answers_the_default_where_there_is_nothing(queue: Queue) -> None:
    async with queue:
        assert await queue.kv.get("absent") is None
        assert await queue.kv.get("absent", 5) == 5
        await queue.kv.put("none", None)
        assert await queue.kv.get("none", 5) is None


async def test_reading_keeps_and_popping_takes(queue: Queue) -> None:
    async with queue:
        await queue.kv.put("k", "v")
        assert [await queue.kv.get("k") for _ in range(2)] == ["v", "v"]
        assert [await queue.kv.pop("k", "gone") for _ in range(2)] == ["v", "gone"]
        assert await queue.kv.pop("k") is None


async def test_of_several_that_pop_one_gets_it(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        await queue.kv.put("k", "v")
        got = await asyncio.gather(*(kv.pop("k") for kv in (queue.kv, other.kv) for _ in range(10)))
        assert sorted(got, key=str) == [None] * 19 + ["v"]


async def test_put_replaces_and_put_if_absent_does_not(queue: Queue) -> None:
    async with queue:
        assert await queue.kv.put_if_absent("k", 1)
        assert not await queue.kv.put_if_absent("k", 2)
        assert await queue.kv.get("k") == 1
        await queue.kv.put("k", 3)
        assert await queue.kv.get("k") == 3


async def test_of_several_that_put_if_absent_one_does(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        stored = await asyncio.gather(*(kv.put_if_absent("k", n) for n, kv in enumerate((queue.kv, other.kv) * 5)))
        assert stored.count(True) == 1
        assert await queue.kv.get("k") == stored.index(True)


async def test_delete_answers_whether_there_was_one(queue: Queue) -> None:
    async with queue:
        await queue.kv.put("k", 1)
        assert [await queue.kv.delete("k") for _ in range(2)] == [True, False]


async def test_increments_add_up_from_everywhere(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        assert await queue.kv.increment("n") == 1
        assert await queue.kv.increment("n", 5) == 6
        assert await queue.kv.increment("n", -10) == -4
        assert await queue.kv.get("n") == -4
        await queue.kv.put("n", 100)
        await asyncio.gather(*(kv.increment("n") for kv in (queue.kv, other.kv) for _ in range(20)))
        assert await other.kv.get("n", 0, type=int) == 140


async def test_only_a_whole_number_can_be_incremented(queue: Queue) -> None:
    bad: Any
    async with queue:
        for bad in ("5", 1.5, None, [1], True):
            await queue.kv.put("k", bad)
            with pytest.raises(ValueError):
                await queue.kv.increment("k")
            assert await queue.kv.get("k") == bad
        for bad in (1.5, "1", None, True):
            with pytest.raises(TypeError, match="whole number"):
                await queue.kv.increment("n", bad)


async def test_a_value_goes_after_its_ttl(queue: Queue) -> None:
    async with queue:
        driver = (await queue.session()).driver
        await queue.kv.put("short", 1, ttl=60)
        await queue.kv.put("long", 1, ttl=timedelta(hours=1))
        await queue.kv.put("ever", 1)
        assert await queue.kv.put_if_absent("absent", 1, ttl=60)
        await queue.kv.increment("short")
        await driver.shift(59)
        assert await queue.kv.get("short") == 2  # incrementing has not renewed it
        await driver.shift(2)
        assert [await queue.kv.get(key) for key in ("short", "absent", "long", "ever")] == [None, None, 1, 1]
        assert await queue.kv.put_if_absent("short", 5)
        await driver.shift(3_600)
        assert [await queue.kv.get(key) for key in ("short", "long", "ever")] == [5, None, 1]


async def test_putting_again_without_ttl_keeps_for_ever(queue: Queue) -> None:
    async with queue:
        await queue.kv.put("k", 1, ttl=60)
        await queue.kv.put("k", 2)
        await (await queue.session()).driver.shift(1e6)
        assert await queue.kv.get("k") == 2


async def test_the_keyspace_is_the_queues_own(queue: Queue, store_url: str) -> None:
    @queue.task
    async def add(a: int) -> int:
        return a

    other = Queue(store_url, name="another")
    async with queue, other:
        result = await add(1)
        await queue.kv.put(result.id, "mine")
        await queue.kv.put("lock", "mine")
        assert await other.kv.get("lock") is None
        async with queue.lock_task("lock"):
            assert await queue.kv.get("lock") == "mine"
        async with queue.worker():
            assert await result.get(timeout=5) == 1
        assert await queue.kv.get(result.id) == "mine"
        await queue.flush()
        assert await queue.kv.get("lock") == "mine"


async def test_bad_keys_values_and_ttls_are_refused(queue: Queue) -> None:
    kv: Any = queue.kv
    async with queue:
        for key in ("", "x" * 513, None, 5, b"k"):
            for call in (kv.get, kv.pop, kv.delete, kv.increment):
                with pytest.raises(ValueError, match="a key is"):
                    await call(key)
            with pytest.raises(ValueError, match="a key is"):
                await kv.put(key, 1)
            with pytest.raises(ValueError, match="a key is"):
                await kv.put_if_absent(key, 1)
        for ttl, error in ((0, ValueError), (-1, ValueError), (float("inf"), ValueError), ("1", TypeError)):
            with pytest.raises(error, match="ttl"):
                await kv.put("k", 1, ttl=ttl)
        for value in (object(), {1, object()}, 2**63, -(2**63) - 1):
            with pytest.raises(SerializationError, match="'k'"):
                await kv.put("k", value)
        assert await kv.get("k") is None


async def test_a_value_over_max_payload_is_refused(make_queue: MakeQueue) -> None:
    async with make_queue(max_payload=100) as queue:
        with pytest.raises(PayloadTooLarge, match="'k'"):
            await queue.kv.put("k", "x" * 200)


async def test_tasks_share_values_with_their_callers(queue: Queue) -> None:
    @queue.task
    async def remember(word: str) -> int:
        await queue.kv.put("word", word)
        return await queue.kv.increment("calls")

    async with queue, queue.worker():
        assert await remember.call("a") == 1
        assert await remember.call("b") == 2
        assert await queue.kv.get("word") == "b"
