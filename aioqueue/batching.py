"""Calls made in the same turn of the loop share one operation, but for a first one that comes after lone ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_WORTH_SPLITTING: Final = 32


class Batcher(Generic[Item, Answer]):
    """Collects single calls and makes one batch call of them.

    What is submitted in one turn of the loop goes out together; while as many batches are under way as may be, the next
    one collects, so that batches grow with the load and a lone call waits for nothing. A call that its caller sends is
    beside them. At most `limit` items travel at once, and of these as many as are `fitting`. Where batches may be under
    way `abreast`, many calls of one turn are cut in two, so that the store works on one half while the callers of the
    other go on; the operation is begun in the order of the calls.

    An error of the batch is raised at each of its callers. A caller that is cancelled leaves its item in the batch; one
    that sends for itself cancels the operation.
    """

    def __init__(
        self,
        operation: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        limit: int = 1_000,
        abreast: int = 1,
        fitting: Callable[[Sequence[Item]], int] = len,
    ) -> None:
        self._operation = operation
        self._fitting = fitting
        self._limit = limit
        self._abreast = abreast
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._under_way = 0  # items
        self._starting: asyncio.Task[None] | None = None
        self._was_lone = False  # the last batch: one item, with nothing beside it
        self._is_lone_under_way = False
        self._lone_answered: asyncio.Event | None = None

    async def call(self, item: Item) -> Answer:
        """Return the answer to `item`; where lone calls follow each other, each is sent by its caller, at once."""
        if not self._was_lone or self._is_lone_under_way or self._sending:
            return await self.submit(item)
        self._is_lone_under_way = True
        try:
            (answer,) = await self._operation([item])
        finally:
            self._is_lone_under_way = False
            if self._lone_answered is not None:
                self._lone_answered.set()
                self._lone_answered = None
        return answer

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """Add `item` to the next batch; the future resolves to its answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, future))
        if self._starting is None and len(self._sending) < self._abreast:
            self._start_sending(loop)
        return future

    async def close(self) -> None:
        """Wait until everything that was submitted has been answered."""
        while self._sending or self._is_lone_under_way:
            if self._sending:
                await asyncio.wait(self._sending)
            else:
                self._lone_answered = self._lone_answered or asyncio.Event()
                await self._lone_answered.wait()
        self._abandon()

    def _start_sending(self, loop: asyncio.AbstractEventLoop) -> None:
        self._starting = loop.create_task(self._send())
        self._sending.add(self._starting)
        self._starting.add_done_callback(self._ended)

    async def _send(self) -> None:
        sending, self._starting = self._starting, None
        try:
            while batch := self._take():
                if self._waiting and len(self._sending) < self._abreast:
                    self._start_sending(asyncio.get_running_loop())
                await self._send_batch(batch)
        except asyncio.CancelledError:
            self._abandon()
            raise
        finally:
            self._ended(sending)  # here and now: who submits before the callbacks run is to start another

    def _take(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        size = len(self._waiting)
        if self._abreast > 1 and size >= _WORTH_SPLITTING and self._is_free_for(size):
            size = (size + 1) // 2
        size = self._fitting([item for item, _ in self._waiting[: min(size, self._limit)]])
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return batch

    def _is_free_for(self, size: int) -> bool:
        """Whether the store would go idle while the callers of so many go on: it has little else to do."""
        return not self._is_lone_under_way and self._under_way * _WORTH_SPLITTING < size

    async def _send_batch(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        self._under_way += len(batch)
        self._was_lone = self._under_way == 1 and not self._is_lone_under_way
        try:
            answers = await self._operation([item for item, _ in batch])
            answered = list(zip(batch, answers, strict=True))
        except asyncio.CancelledError:
            _cancel(batch)
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, its place is at the callers
            _fail(batch, error)
        else:
            for (_, future), answer in answered:
                if not future.done():
                    future.set_result(answer)
        finally:
            self._under_way -= len(batch)

    def _ended(self, sending: asyncio.Task[None] | None) -> None:
        if sending is not None:
            self._sending.discard(sending)
        if sending is self._starting:  # it was cancelled before its first step, as a loop that ends does
            self._starting = None

    def _abandon(self) -> None:
        waiting, self._waiting = self._waiting, []
        _cancel(waiting)


def _cancel(batch: Sequence[tuple[object, asyncio.Future[Answer]]]) -> None:
    for _, future in batch:
        future.cancel()


def _fail(batch: Sequence[tuple[object, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # marks it as seen: a caller that has gone must not raise a warning
