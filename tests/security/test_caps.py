"""What is too large is refused at the call or fails its job, to the byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from aioqueue import JsonSerializer, MsgpackSerializer, PayloadTooLarge, PickleSerializer, Queue, TaskException
from aioqueue.serializer import MAX_PAYLOAD
from aioqueue.worker.ending import LONGEST_ERROR, LONGEST_TRACEBACK

pytestmark = pytest.mark.asyncio

KEYS = ["the key that all processes of this queue have"]
SERIALIZERS = [MsgpackSerializer(), JsonSerializer(), PickleSerializer(keys=KEYS), MsgpackSerializer(keys=KEYS)]


def overhead(queue: Queue, value: dict[str, str] | str) -> int:
    """Return how many bytes a value takes beside its text."""
    encoded: int = len(queue.serializer.encode(value))
    return encoded


@pytest.mark.parametrize("serializer", SERIALIZERS, ids=repr)
async def test_the_caps_are_exact_and_configurable(serializer: Any) -> None:
    queue = Queue("memory://", serializer=serializer, max_payload=10_000)

    @queue.task
    async def body(text: str) -> str:
        return text

    @queue.task
    async def large(size: int) -> str:
        return "x" * size

    fits = 10_000 - (overhead(queue, {"text": "x" * 9_000}) - 9_000)
    returned = 10_000 - (overhead(queue, "x" * 9_000) - 9_000)
    async with queue, queue.worker():
        assert len(await body.call("x" * fits)) == fits
        with pytest.raises(PayloadTooLarge, match=r"'text' is too large: the call takes 10,001 bytes, 10,000 are"):
            await body("x" * (fits + 1))
        assert len(await large.call(returned)) == returned
        with pytest.raises(TaskException, match=r"return value of .* is too large: 10,001 bytes, 10,000 are allowed"):
            await large.call(returned + 1)
        with pytest.raises(PayloadTooLarge, match="'key' is too large"):
            await queue.kv.put("key", "x" * 10_001)
        with pytest.raises(PayloadTooLarge, match="stage"):
            body.s("x").then(body, "x" * 10_001)


async def test_64_mib_are_refused_by_default(memory_queue: Queue) -> None:
    @memory_queue.task
    async def body(raw: bytes) -> None: ...

    async with memory_queue:
        with pytest.raises(PayloadTooLarge, match=f"{MAX_PAYLOAD:,} are allowed"):
            await body(bytes(64 * 1024 * 1024))
        assert sum((await memory_queue.counts()).values()) == 0


@pytest.mark.parametrize("make", [lambda: ValueError("x" * 1_000_000), lambda: ValueError("\ud800" * 9_000)])
async def test_errors_and_tracebacks_are_cut(memory_queue: Queue, make: Callable[[], Exception]) -> None:
    @memory_queue.task
    async def body() -> None:
        raise make()

    @memory_queue.task
    async def deep(n: int) -> None:
        raise ExceptionGroup("many", [ValueError("y" * 1_000) for _ in range(n)])

    async with memory_queue as queue, queue.worker():
        for call in (body, lambda: deep(1_000)):
            with pytest.raises(TaskException) as raised:
                await (await call())  # type: ignore[operator]
            assert len(raised.value.error) <= LONGEST_ERROR
            assert len(raised.value.traceback) <= LONGEST_TRACEBACK + len("[...]\n")


@pytest.mark.parametrize("depth", [100, 100_000])
async def test_what_is_nested_too_deep_is_an_error_of_its_job(memory_queue: Queue, depth: int) -> None:
    @memory_queue.task(name="body")
    async def body(value: Any = None) -> int:
        return 1

    from aioqueue.record import FORMAT, Record, encode_record
    from tests.security.intruder import intruder_at

    nested = b"\x81\xa5value" + b"\x91" * depth + b"\xc0"
    async with memory_queue as queue, intruder_at(queue) as intruder:
        job_id = await intruder.put(encode_record(Record(FORMAT, "body", nested)), "body")
        async with queue.worker():
            if depth == 100:
                assert await queue.result(job_id).get(timeout=5) == 1
            else:
                with pytest.raises(TaskException):
                    await queue.result(job_id).get(timeout=5)
            assert await body.call(2) == 1


async def test_a_length_that_is_a_lie_takes_no_memory() -> None:
    """Four gigabytes are announced, five bytes are there."""
    for lie in (b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff"):
        with pytest.raises(msgspec.DecodeError):
            MsgpackSerializer().decode(lie)
