"""What a peer's application does in a benchmark: enqueue jobs, and call one and wait for its value.

A peer describes itself with an `AsyncCaller` or a `SyncCaller`; both answer the same questions. Seconds everywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial

WARM_UP_CALLS = 20
BULK = 10_000
AT_ONCE = 100


@dataclass(frozen=True)
class AsyncCaller:
    """A peer whose callers are coroutines.

    `many` is what it has for storing many jobs; `kinds` are the jobs that it has beside the no-op one, each with what
    stores many of them.
    """

    session: Callable[[], AbstractAsyncContextManager[object]]
    enqueue: Callable[[int], Awaitable[object]]
    call: Callable[[int], Awaitable[object]]
    many: Callable[[Sequence[int]], Awaitable[object]] | None = None
    kinds: Mapping[str, Callable[[Sequence[int]], Awaitable[object]]] = field(default_factory=dict)

    def enqueueing(self, jobs: int, callers: int) -> dict[str, object]:
        """How long `callers` concurrent callers take to enqueue `jobs` between them, one at a time each."""
        return run(self._enqueueing(jobs, callers))

    def bulk(self, jobs: int, times: int) -> dict[str, object]:
        """How long `times` calls take that store `jobs` each."""
        return run(self._bulk(jobs, times))

    def fill(self, kind: str, jobs: int) -> dict[str, object]:
        """Store jobs, with the quickest that the peer has."""
        return run(self._fill(self.kinds.get(kind) or self.many or partial(_share, self.enqueue), jobs))

    def round_trips(self, calls: int, seconds: float) -> dict[str, object]:
        """How long each of up to `calls` calls takes, one after another, for at most `seconds`."""
        return run(self._round_trips(calls, seconds))

    async def _enqueueing(self, jobs: int, callers: int) -> dict[str, object]:
        async with self.session():
            await asyncio.gather(*(self.enqueue(-1) for _ in range(callers)))
            started = time.perf_counter()
            await _share(self.enqueue, range(jobs), callers)
            return {"jobs": jobs, "callers": callers, "seconds": time.perf_counter() - started}

    async def _bulk(self, jobs: int, times: int) -> dict[str, object]:
        assert self.many is not None
        async with self.session():
            await self.many(range(AT_ONCE))
            started = time.perf_counter()
            for _ in range(times):
                await self.many(range(jobs))
            return {"jobs": jobs * times, "seconds": time.perf_counter() - started}

    async def _fill(self, many: Callable[[Sequence[int]], Awaitable[object]], jobs: int) -> dict[str, object]:
        async with self.session():
            for first in range(0, jobs, BULK):
                await many(range(first, min(first + BULK, jobs)))
        return {"jobs": jobs}

    async def _round_trips(self, calls: int, seconds: float) -> dict[str, object]:
        latencies: list[float] = []
        async with self.session():
            for number in range(WARM_UP_CALLS):
                _expect(await self.call(number), number)
            deadline = time.perf_counter() + seconds
            for number in range(calls):
                started = time.perf_counter()
                value = await self.call(number)
                latencies.append(time.perf_counter() - started)
                _expect(value, number)
                if time.perf_counter() > deadline:
                    break
        return latencies_of(latencies)


@dataclass(frozen=True)
class SyncCaller:
    """A peer whose callers are plain functions: they enqueue serially, however many callers are asked for."""

    enqueue: Callable[[int], object]
    call: Callable[[int], object]

    def enqueueing(self, jobs: int, callers: int) -> dict[str, object]:
        """How long one caller takes to enqueue `jobs`."""
        for _ in range(callers):
            self.enqueue(-1)
        started = time.perf_counter()
        for number in range(jobs):
            self.enqueue(number)
        return {"jobs": jobs, "callers": 1, "seconds": time.perf_counter() - started}

    def fill(self, kind: str, jobs: int) -> dict[str, object]:
        """Store jobs; its only kind is a plain function."""
        assert kind in ("noop", "plain")
        return self.enqueueing(jobs, 0)

    def round_trips(self, calls: int, seconds: float) -> dict[str, object]:
        """How long each of up to `calls` calls takes, one after another, for at most `seconds`."""
        for number in range(WARM_UP_CALLS):
            _expect(self.call(number), number)
        latencies: list[float] = []
        deadline = time.perf_counter() + seconds
        for number in range(calls):
            started = time.perf_counter()
            value = self.call(number)
            latencies.append(time.perf_counter() - started)
            _expect(value, number)
            if time.perf_counter() > deadline:
                break
        return latencies_of(latencies)


def run(main: Coroutine[object, object, dict[str, object]]) -> dict[str, object]:
    """Run a coroutine on uvloop; the environment of every peer with coroutines has it."""
    import uvloop

    return uvloop.run(main)


async def _share(enqueue: Callable[[int], Awaitable[object]], numbers: Sequence[int], callers: int = AT_ONCE) -> None:
    """Enqueue with so many callers at once, each of which takes the next number when it is done with one."""
    left = iter(numbers)

    async def enqueue_the_next() -> None:
        for number in left:
            await enqueue(number)

    await asyncio.gather(*(enqueue_the_next() for _ in range(callers)))


def _expect(value: object, wanted: int) -> None:
    if value != wanted:
        raise AssertionError(f"asked for {wanted}, got {value!r}")


def latencies_of(latencies: list[float]) -> dict[str, object]:
    """The percentiles of latencies: two by name, and 101 from the lowest to the highest."""
    ordered = sorted(latencies)
    return {
        "calls": len(ordered),
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "percentiles": [ordered[(len(ordered) - 1) * percent // 100] for percent in range(101)],
    }
