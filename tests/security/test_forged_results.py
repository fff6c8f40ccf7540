"""A caller is given what a worker of the queue has returned or raised, as data, and nothing that was made up."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable

import msgspec
import pytest

from aioqueue import (
    JobState,
    JsonSerializer,
    MsgpackSerializer,
    PickleSerializer,
    Queue,
    Result,
    SerializationError,
    TaskCancelled,
    TaskException,
)
from aioqueue.outcome import Cause, Failure, encode_failure
from aioqueue.serializers import Serializer
from tests.core.stores import MakeQueue, eventually
from tests.security.intruder import Trap, intruder_at

pytestmark = pytest.mark.asyncio

KEY = "the key that all processes of this queue have"
SIGNING = [MsgpackSerializer, JsonSerializer, PickleSerializer]


async def waiting(result: Result[object]) -> asyncio.Task[object]:
    """Wait for a result beside; return when the store knows of it."""
    wait = asyncio.ensure_future(result.get(timeout=10))
    listener = (await result.source.session()).listener
    await eventually(lambda: result.id in listener._waits)
    return wait


@pytest.mark.parametrize("is_waiting", [True, False], ids=["pushed", "asked for"])
@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
async def test_a_forged_outcome_is_a_clear_error_and_never_unpickled(
    make_queue: MakeQueue, trap: Trap, state: JobState, is_waiting: bool
) -> None:
    queue = make_queue(serializer=PickleSerializer(keys=[KEY]))

    @queue.task
    async def body() -> object: ...

    async with queue, intruder_at(queue) as intruder:
        result = await body()
        wait = await waiting(result) if is_waiting else None
        await intruder.end(result.id, pickle.dumps(trap), state)
        with pytest.raises(SerializationError, match=f"has {state}, but its outcome was not read: it is not signed"):
            await (wait or result.get(timeout=5))
        assert await result.ready()
        with pytest.raises(SerializationError):
            await queue.result(result.id).get(timeout=0)
    assert not trap.is_sprung


@pytest.mark.parametrize("serializer", SIGNING)
async def test_a_genuine_outcome_is_of_one_job_and_one_state(
    make_queue: MakeQueue, serializer: Callable[..., Serializer]
) -> None:
    queue = make_queue(serializer=serializer(keys=[KEY]))

    @queue.task
    async def body(n: int) -> int:
        if n < 0:
            raise ValueError(n)
        return n

    async with queue, intruder_at(queue) as intruder:
        async with queue.worker():
            paid, failed = await body(1), await body(-1)
            assert await paid == 1
            with pytest.raises(TaskException, match="ValueError"):
                await failed
        moved, turned = await body(2), await body(3)
        await intruder.end(moved.id, await intruder.outcome(paid.id))
        with pytest.raises(SerializationError, match=f"the signed outcome of job {paid.id}"):
            await moved.get(timeout=5)
        await intruder.end(turned.id, await intruder.outcome(failed.id), JobState.FAILED)
        with pytest.raises(SerializationError, match=f"the signed outcome of job {failed.id}"):
            await turned.get(timeout=5)
        outcome = await intruder.outcome(failed.id)
        await queue.flush()
        again = await body.options(id=failed.id)(4)
        await intruder.end(again.id, outcome, JobState.SUCCEEDED)
        with pytest.raises(SerializationError, match="which has failed"):
            await again.get(timeout=5)


@pytest.mark.parametrize("serializer", SIGNING)
async def test_an_outcome_that_was_taken_away_is_missing_and_nothing_else(
    memory_queue_with: Callable[..., Queue], serializer: Callable[..., Serializer]
) -> None:
    """Whoever can write to the store can remove, too: the caller is told that there is nothing."""
    queue = memory_queue_with(serializer(keys=[KEY]))

    @queue.task
    async def body() -> int: ...

    async with queue, intruder_at(queue) as intruder:
        result = await body()
        await intruder.end(result.id, b"")
        with pytest.raises(LookupError, match="left the store or was not kept"):
            await result.get(timeout=5)


@pytest.mark.parametrize("serializer", SIGNING)
async def test_a_cancellation_is_signed_by_whoever_cancels(
    make_queue: MakeQueue, serializer: Callable[..., Serializer]
) -> None:
    queue = make_queue(serializer=serializer(keys=[KEY]))

    @queue.task
    async def body(n: int = 0) -> int: ...

    async with queue:
        results = await queue.enqueue(body.s(1).then(body).then(body))
        assert await results[0].cancel()
        for result in results:
            with pytest.raises(TaskCancelled):
                await result.get(timeout=5)


# ---------------------------------------------------------------- remote exceptions
NAMES = ["os.system", "builtins.SystemExit", "SystemExit", "asyncio.CancelledError", "cos\nsystem\n(S'true'\ntR."]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cause", list(Cause))
async def test_an_outcome_that_names_an_exception_is_data(memory_queue: Queue, name: str, cause: Cause) -> None:
    """Even without keys: the worst that a forged failure can do is to be read."""

    @memory_queue.task
    async def body() -> int: ...

    async with memory_queue as queue, intruder_at(queue) as intruder:
        result = await body()
        await intruder.end(result.id, encode_failure(Failure(cause, name, f"Traceback\n{name}", 3)), JobState.FAILED)
        with pytest.raises(TaskException) as raised:
            await result.get(timeout=5)
        assert type(raised.value).__module__ == "aioqueue.errors"
        assert raised.value.error == name


@pytest.mark.parametrize(
    "outcome",
    [
        pickle.dumps(SystemExit(3)),
        msgspec.msgpack.encode({"cause": "builtins.SystemExit", "error": "x"}),
        msgspec.msgpack.encode({"cause": "error", "error": "x", "__class__": "os.system", "__reduce__": ["os.system"]}),
        msgspec.msgpack.encode({"cause": "error", "error": {"__class__": "SystemExit"}}),
        b"\xc7\x03\x01abc",
        b"",
    ],
    ids=["a pickle", "an unknown cause", "more fields", "no text", "an extension", "nothing"],
)
async def test_a_failure_that_cannot_be_read_is_still_a_failure(memory_queue: Queue, outcome: bytes) -> None:
    @memory_queue.task
    async def body() -> int: ...

    async with memory_queue as queue, intruder_at(queue) as intruder:
        result = await body()
        await intruder.end(result.id, outcome, JobState.FAILED)
        with pytest.raises(TaskException) as raised:
            await result.get(timeout=5)
        assert type(raised.value) is TaskException


async def test_a_raised_exception_travels_as_text_with_pickle_too(memory_queue_with: Callable[..., Queue]) -> None:
    class Local(Exception):
        def __reduce__(self) -> object:
            raise AssertionError("an exception was pickled")

    queue = memory_queue_with(PickleSerializer(keys=[KEY]))

    @queue.task
    async def body() -> None:
        raise Local("why")

    async with queue, queue.worker():
        with pytest.raises(TaskException, match="Local: why"):
            await body.call()


# ---------------------------------------------------------------- key-value
@pytest.mark.parametrize("serializer", SIGNING)
async def test_a_value_is_of_its_key(make_queue: MakeQueue, serializer: Callable[..., Serializer], trap: Trap) -> None:
    queue = make_queue(serializer=serializer(keys=[KEY]))
    async with queue, intruder_at(queue) as intruder:
        await queue.kv.put("role of alice", "admin")
        await queue.kv.put("count", 5)
        assert await queue.kv.increment("count") == 6
        assert await queue.kv.get("role of alice") == "admin"
        assert await queue.kv.get("count") == 6
        assert await queue.kv.get("nothing") is None
        stored = await intruder.store.get("role of alice")
        assert stored is not None
        forgeries = (
            stored,
            b"m" + pickle.dumps(trap),
            pickle.dumps(trap),
            b"",
            stored[:-1],
            stored[:44],
            b"5 ",
            b"\xc1",
        )
        for forged in forgeries:
            await intruder.store.put("role of mallory", forged)
            with pytest.raises(SerializationError, match="'role of mallory' was not read"):
                await queue.kv.get("role of mallory")
            with pytest.raises(SerializationError, match="'role of mallory' was not read"):
                await queue.kv.pop("role of mallory")
    assert not trap.is_sprung


async def test_a_value_that_is_garbage_is_a_clear_error_without_keys_too(memory_queue: Queue) -> None:
    async with memory_queue as queue, intruder_at(queue) as intruder:
        for garbage in (b"garbage", b"", b"m", b"m\xc1", b"1" * 5_000):
            await intruder.store.put("key", garbage)
            with pytest.raises(SerializationError):
                await queue.kv.get("key")
