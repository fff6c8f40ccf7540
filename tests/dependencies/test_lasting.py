"""Closing what lives as long as a worker: each value is closed, whatever comes in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from aioqueue.lasting import Lasting, Open

pytestmark = pytest.mark.asyncio


async def test_a_cancelled_close_cuts_one_short_and_closes_the_others(log: list[str]) -> None:
    is_closing = asyncio.Event()

    def opened(name: str) -> Open:
        @asynccontextmanager
        async def value() -> AsyncIterator[str]:
            yield name
            if name == "third":
                is_closing.set()
                await asyncio.Event().wait()
            log.append(name)

        return value

    lasting = Lasting()
    for name in ("first", "second", "third"):
        assert await lasting.get(name, name, opened(name)) == name
    closing = asyncio.create_task(lasting.close())
    await is_closing.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert log == ["second", "first"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_one_that_opens_although_it_was_given_up_is_closed_at_once(log: list[str]) -> None:
    is_opening = asyncio.Event()

    @asynccontextmanager
    async def stubborn() -> AsyncIterator[str]:
        is_opening.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        yield "value"
        log.append("closed")

    lasting = Lasting()
    asking = asyncio.create_task(lasting.get("key", "stubborn", stubborn))
    await is_opening.wait()
    async with asyncio.timeout(10):
        await lasting.close()
    assert log == ["closed"]
    assert await asking == "value"


async def test_nobody_waits_for_one_that_was_given_up_before_it_began(log: list[str]) -> None:
    @asynccontextmanager
    async def never() -> AsyncIterator[None]:
        log.append("opened")
        yield

    lasting = Lasting()
    asking = asyncio.create_task(lasting.get("key", "never", never))
    await asyncio.sleep(0)  # it has asked, and the value's own task has not begun
    await lasting.close()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await asking
    assert log == []
