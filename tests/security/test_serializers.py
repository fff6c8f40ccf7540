"""Each serializer, signed or not, serves everything that a queue does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aioqueue import JsonSerializer, MsgpackSerializer, PickleSerializer, Queue, SerializationError, TaskException
from aioqueue.serializers import Serializer
from tests.core.stores import MakeQueue
from tests.security.day_of_work import do_a_day_of_work

if TYPE_CHECKING:
    from somewhere import Missing

pytestmark = pytest.mark.asyncio

KEYS = ["the key that all processes of this queue have"]
SERIALIZERS = [
    pytest.param(MsgpackSerializer, id="msgpack"),
    pytest.param(JsonSerializer, id="json"),
    pytest.param(lambda: MsgpackSerializer(keys=KEYS), id="msgpack signed"),
    pytest.param(lambda: JsonSerializer(keys=KEYS), id="json signed"),
    pytest.param(lambda: PickleSerializer(keys=KEYS), id="pickle signed"),
]
Make = Callable[[], Any]


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


@dataclasses.dataclass
class Odd:
    """Holds what neither msgpack nor JSON can write."""

    inside: object


@pytest.mark.parametrize("make", SERIALIZERS)
async def test_a_day_of_work(make_queue: MakeQueue, make: Make) -> None:
    await do_a_day_of_work(make_queue(serializer=make()))


@pytest.mark.parametrize("make", SERIALIZERS)
async def test_typed_values_arrive_as_they_were(memory_queue_with: Callable[[Serializer], Queue], make: Make) -> None:
    queue = memory_queue_with(make())

    @queue.task
    async def body(point: Point, path: Path, raw: bytes, *rest: int, key: dict[int, str]) -> Point:
        assert (path, raw, rest, key) == (Path("/a"), b"\x00\xff", (1, 2), {1: "a"})
        return point

    async with queue, queue.worker():
        assert await body.call(Point(1), Path("/a"), b"\x00\xff", 1, 2, key={1: "a"}) == Point(1)


async def test_pickle_carries_what_nothing_else_can(make_queue: MakeQueue) -> None:
    queue = make_queue(serializer=PickleSerializer(keys=KEYS))

    @queue.task
    async def body(odd: Odd, *more: object, **named: object) -> Any:
        return odd, more, named

    async with queue, queue.worker():
        assert await body.call(Odd({1, 2}), 3 + 4j, name={Point}) == (Odd({1, 2}), (3 + 4j,), {"name": {Point}})
        assert (await (await queue.enqueue(body.s(Odd(1)).then(first_of_three(queue)))))[-1] == Odd(1)
        await queue.kv.put("odd", Odd(5))
        assert await queue.kv.get("odd") == Odd(5)


def first_of_three(queue: Queue) -> Any:
    @queue.task
    async def first(odd: Odd, more: object, named: object) -> Odd:
        return odd

    return first


async def test_pickle_needs_no_annotation(memory_queue_with: Callable[[Serializer], Queue]) -> None:
    queue = memory_queue_with(PickleSerializer(keys=KEYS))

    @queue.task
    async def body(missing: Missing, number: int = 0) -> Missing:
        return missing

    async with queue, queue.worker():
        assert await body.call("anything at all", number="no number") == "anything at all"  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [lambda: 1, (n for n in "generator"), open], ids=["lambda", "generator", "builtin"])
async def test_what_cannot_be_pickled_is_named(memory_queue_with: Callable[[Serializer], Queue], value: object) -> None:
    queue = memory_queue_with(PickleSerializer(keys=KEYS))

    @queue.task
    async def body(fine: object, broken: object) -> None: ...

    async with queue:
        if value is open:
            assert await body(1, value)
            return
        with pytest.raises(SerializationError, match="'broken' cannot be stored"):
            await body(1, value)
        assert sum((await queue.counts()).values()) == 0


class Unreadable:
    def __reduce__(self) -> Any:
        return int, ("no number",)


async def test_what_cannot_be_unpickled_is_refused_at_the_call_and_fails_as_a_value(
    memory_queue_with: Callable[[Serializer], Queue],
) -> None:
    queue = memory_queue_with(PickleSerializer(keys=KEYS))

    @queue.task
    async def body(given: object = None) -> object:
        return Unreadable()

    async with queue, queue.worker():
        with pytest.raises(SerializationError, match=r"cannot be read again: cannot be unpickled: ValueError"):
            await body(Unreadable())
        with pytest.raises(TaskException, match=r"return value.*cannot be unpickled"):
            await body.call()


async def test_json_is_strict_where_it_knows_the_type(memory_queue_with: Callable[[Serializer], Queue]) -> None:
    queue = memory_queue_with(JsonSerializer())

    @queue.task
    async def body(number: float) -> None: ...

    async with queue:
        with pytest.raises(TypeError, match="'number'"):
            await body(math.nan)
        with pytest.raises(TypeError, match="'number'"):
            await body("1")  # type: ignore[arg-type]


async def test_the_same_values_are_asked_for_by_another_process(make_queue: MakeQueue) -> None:
    """A second queue on the store, as another process has one, with the same keys in another order."""
    spare = "another key that verifies"
    one = make_queue(serializer=PickleSerializer(keys=[*KEYS, spare]))
    other = make_queue(serializer=PickleSerializer(keys=[spare, *KEYS]))

    async def body(odd: Odd) -> Odd:
        return odd

    tasks = [queue.task(name="body")(body) for queue in (one, other)]
    async with one, other, other.worker():
        result = await tasks[0](Odd(1))
        assert await result.get(timeout=5) == Odd(1)
        assert await tasks[1].result(result.id).get(timeout=5) == Odd(1)


async def test_immediate_mode_signs_too() -> None:
    queue = Queue("memory://", serializer=PickleSerializer(keys=KEYS), immediate=True)

    @queue.task
    async def body(odd: Odd) -> Odd:
        return odd

    async with queue:
        result = await body(Odd(1))
        assert await result == Odd(1)
        store = (await queue.session()).driver._driver
        (settled,) = await store.results([result.id])
        assert settled.outcome.startswith(b"\xc1aq1")
