"""Calls made in the same turn of the loop share one operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Collects single calls and makes one batch call of them.

    What is submitted in one turn of the loop goes out together; while a batch is under way the next one collects, so
    that batches grow with the load and a lone call waits for nothing. At most `limit` items travel at once. An error
    of the batch is raised at each of its callers. A caller that is cancelled leaves its item in the batch.
    """

    def __init__(self, operation: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], limit: int = 1_000) -> None:
        self._operation = operation
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._sending: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """Add `item` to the next batch; the future resolves to its answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, future))
        if self._sending is None or self._sending.done():
            self._sending = loop.create_task(self._send())
        return future

    async def close(self) -> None:
        """Wait until everything that was submitted has been answered."""
        while (sending := self._sending) is not None:
            await asyncio.wait({sending})
            if self._sending is sending:  # it was cancelled before its first step, as a loop that ends does
                self._sending = None
                self._abandon()

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._send_batch(batch)
        finally:
            self._sending = None
            self._abandon()

    async def _send_batch(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._operation([item for item, _ in batch])
            answered = list(zip(batch, answers, strict=True))
        except asyncio.CancelledError:
            self._waiting = batch + self._waiting
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, its place is at the callers
            _fail(batch, error)
        else:
            for (_, future), answer in answered:
                if not future.done():
                    future.set_result(answer)

    def _abandon(self) -> None:
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()


def _fail(batch: Sequence[tuple[object, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # marks it as seen: a caller that has gone must not raise a warning
