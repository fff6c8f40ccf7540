"""What a peer's application does in a benchmark: enqueue jobs, and call one and wait for its value.

A peer describes itself with an `AsyncCaller` or a `SyncCaller`; both answer the same two questions. Seconds everywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

WARM_UP_CALLS = 20


@dataclass(frozen=True)
class AsyncCaller:
    """A peer whose callers are coroutines."""

    session: Callable[[], AbstractAsyncContextManager[object]]
    enqueue: Callable[[int], Awaitable[object]]
    call: Callable[[int], Awaitable[object]]

    def enqueueing(self, jobs: int, callers: int) -> dict[str, object]:
        """How long `callers` concurrent callers take to enqueue `jobs` between them, one at a time each."""
        return run(self._enqueueing(jobs, callers))

    def round_trips(self, calls: int, seconds: float) -> dict[str, object]:
        """How long each of up to `calls` calls takes, one after another, for at most `seconds`."""
        return run(self._round_trips(calls, seconds))

    async def _enqueueing(self, jobs: int, callers: int) -> dict[str, object]:
        numbers = iter(range(jobs))

        async def enqueue_the_next() -> None:
            for number in numbers:
                await self.enqueue(number)

        async with self.session():
            await asyncio.gather(*(self.enqueue(-1) for _ in range(callers)))
            started = time.perf_counter()
            await asyncio.gather(*(enqueue_the_next() for _ in range(callers)))
            return {"jobs": jobs, "callers": callers, "seconds": time.perf_counter() - started}

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
        return percentiles(latencies)


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
        return percentiles(latencies)


def run(main: Coroutine[object, object, dict[str, object]]) -> dict[str, object]:
    """Run a coroutine on uvloop; the environment of every peer with coroutines has it."""
    import uvloop

    return uvloop.run(main)


def _expect(value: object, wanted: int) -> None:
    if value != wanted:
        raise AssertionError(f"asked for {wanted}, got {value!r}")


def percentiles(latencies: list[float]) -> dict[str, object]:
    ordered = sorted(latencies)
    return {
        "calls": len(ordered),
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
    }
