"""One opening of a queue: a driver connected on one running loop, shared by all who use the queue there."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar

from aioqueue.batching import Batcher
from aioqueue.drivers.base import Admitted, Driver, NewChord, NewJob, Settled
from aioqueue.errors import StoreUnavailable
from aioqueue.listener import Listener
from aioqueue.loops import running_loop

if TYPE_CHECKING:
    from aioqueue.newsroom import Newsroom

_PAUSES_BETWEEN_TRIES: Final = (0.05, 0.2, 0.5)
_STEP: Final = 250
_STEP_BYTES: Final = 1024 * 1024  # drivers cut what is a few megabytes
_STEPS_UNDER_WAY: Final = 3
_TURNS_TO_BEGIN: Final = 2  # of the loop, until a request is on its way


class Storable(Protocol):
    """A job that is not stored yet."""

    def new_job(self) -> NewJob:
        """Return what is stored of it."""
        ...


J = TypeVar("J", bound=Storable)

# Jobs that were stored together, what is stored of each, and what the store says.
Step: TypeAlias = tuple[list[J], list[NewJob], list[Admitted]]


# What a fork has inherited is the parent's: it is kept, so that nothing of it is closed here, nor complained of.
_inherited: Final[list[Session]] = []


class Session:
    """Belongs to the loop and the process that made it; closes itself when that loop is shut down."""

    def __init__(self, driver: Driver, *, immediate: bool = False) -> None:
        self.immediate = immediate
        self.loop: Final = running_loop()
        self.driver = driver
        self._newsroom: Newsroom | None = None
        self.listener: Final = Listener(driver, self._look_again)
        self._pid = os.getpid()
        self._outbox: Batcher[NewJob, Admitted] = Batcher(self._enqueue_batch, abreast=2, fitting=_fitting)
        self._expected: set[str] = set()
        self._opening = asyncio.Lock()
        self._life: AsyncGenerator[None, None] | None = None
        self.is_closed: bool = False

    @property
    def is_here(self) -> bool:
        """Whether this process made the session: after a fork it is the parent's."""
        return self._pid == os.getpid()

    @property
    def newsroom(self) -> Newsroom:
        """Where news of jobs are read here; raises `StoreUnavailable` once the session is being closed."""
        if self._newsroom is None:
            if self.is_closed:
                raise StoreUnavailable("the queue has been closed")
            from aioqueue.newsroom import Newsroom  # noqa: PLC0415 -- most processes never read

            self._newsroom = Newsroom(self.driver)
        return self._newsroom

    def leave_to_parent(self) -> None:
        """Touch nothing of a session that belongs to the process which this one was forked from."""
        _inherited.append(self)

    @property
    def serves_here(self) -> bool:
        """Whether it may be used on the running loop, once it is open."""
        return not self.is_closed and self.loop is running_loop() and self.is_here

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._life is not None and not self.is_closed

    async def open(self) -> None:
        """Connect; further calls wait for the first and do nothing, and neither does any once it is being closed."""
        async with self._opening:
            if self._life is None and not self.is_closed:
                await self.driver.open()
                self._life = self._until_the_loop_ends()
                await anext(self._life)

    async def close(self) -> None:
        """Send what is under way, stop waiting and disconnect."""
        self.is_closed = True
        async with self._opening:
            if self._life is not None:
                await self._life.aclose()

    async def enqueue(self, job: NewJob) -> Admitted:
        """Store one job; where calls come in numbers, together with all others of the same turn of the loop."""
        return await self._outbox.call(job)

    def expect(self, job_id: str) -> asyncio.Future[Settled]:
        """Begin to wait for a job that is to be enqueued next, until `leave`; the store is asked in the same breath."""
        self._expected.add(job_id)
        return self.listener.expect(job_id)

    def leave(self, job_id: str, settled: asyncio.Future[Settled]) -> None:
        """Wait no more for a job that was expected."""
        self._expected.discard(job_id)
        self.listener.leave(job_id, settled)

    async def enqueue_all(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        """Store many jobs, and the chords that they are members of."""
        return await self._enqueue(jobs, chords)

    async def enqueue_in_steps(self, jobs: Iterable[J]) -> AsyncGenerator[Step[J], None]:
        """Store many jobs, and yield the steps in which they were stored, in order.

        Three steps are under way at once; what the store refused at first stands behind the others. An error, of the
        store or of `jobs`, comes out when what is under way has been answered, and yielded if it was stored.
        """
        sending = deque[tuple[list[J], list[NewJob], asyncio.Task[list[Admitted]]]]()
        try:
            for step, stored in _steps(jobs):
                sending.append((step, stored, self.loop.create_task(self._enqueue(stored))))
                for _ in range(_TURNS_TO_BEGIN):
                    await asyncio.sleep(0)
                if len(sending) == _STEPS_UNDER_WAY:
                    yield await _sent(*sending[0])
                    sending.popleft()
            while sending:
                yield await _sent(*sending[0])
                sending.popleft()
        except Exception:
            for under_way in sending:
                with suppress(Exception):  # the first error is the one that comes out
                    yield await _sent(*under_way)
            raise
        finally:
            for *_, task in sending:
                task.cancel()
            await asyncio.gather(*(task for *_, task in sending), return_exceptions=True)

    async def _enqueue_batch(self, jobs: Sequence[NewJob]) -> list[Admitted]:
        for job in jobs if self._expected else ():
            if job.id in self._expected:
                self.loop.call_soon(self.listener.ask, job.id)  # right behind the enqueue, which waits for nothing
        return await self._enqueue(jobs)

    async def _enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        for pause in _PAUSES_BETWEEN_TRIES:
            try:
                return await self.driver.enqueue(jobs, chords)
            except StoreUnavailable:
                await asyncio.sleep(pause)
        return await self.driver.enqueue(jobs, chords)

    def _look_again(self) -> None:
        if self._newsroom is not None:
            self._newsroom.look_again()

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        # asyncio.run closes the async generators it has seen before it closes the loop, so that an application which
        # forgets to close its queue leaks no connection.
        try:
            yield
        finally:
            self.is_closed = True
            async with AsyncExitStack() as last_first:
                last_first.push_async_callback(self.driver.close)
                if self._newsroom is not None:
                    last_first.push_async_callback(self._newsroom.close)
                last_first.push_async_callback(self.listener.close)
                last_first.push_async_callback(self._outbox.close)


async def _sent(jobs: list[J], stored: list[NewJob], sending: asyncio.Task[list[Admitted]]) -> Step[J]:
    return jobs, stored, await sending


def _steps(jobs: Iterable[J]) -> Iterator[tuple[list[J], list[NewJob]]]:
    """Cut jobs into steps that a driver stores in one request each, so that those under way keep their order."""
    step: list[J] = []
    stored: list[NewJob] = []
    size = 0
    for job in jobs:
        new = job.new_job()
        size += len(new.payload)
        if stored and (len(stored) == _STEP or size > _STEP_BYTES):
            yield step, stored
            step, stored, size = [], [], len(new.payload)
        step.append(job)
        stored.append(new)
    if stored:
        yield step, stored


def _fitting(jobs: Sequence[NewJob]) -> int:
    """Return how many of the first jobs a driver stores in one request."""
    size = 0
    for number, job in enumerate(jobs):
        size += len(job.payload)
        if size > _STEP_BYTES and number:
            return number
    return len(jobs)
