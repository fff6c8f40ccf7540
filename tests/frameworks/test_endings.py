"""Waiting for what runs on, while whoever waits is cancelled: once, twice, or by a scope of anyio."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from aioqueue.frameworks.endings import ended

pytestmark = pytest.mark.asyncio
TURNS = 20


async def test_the_first_cancellation_is_the_one_that_is_raised() -> None:
    go_on, told = asyncio.Event(), []

    async def waiting() -> None:
        try:
            await ended(asyncio.create_task(_of(go_on)))
        except asyncio.CancelledError as error:
            told.append(error.args)

    waits = asyncio.create_task(waiting())
    for why in ("first", "second"):
        await _turns()
        waits.cancel(why)
    await _turns()
    assert not waits.done()
    go_on.set()
    await waits
    assert told == [("first",)]


async def test_a_scope_of_anyio_that_is_cancelled_meanwhile_ends_what_comes_next() -> None:
    go_on = asyncio.Event()
    task = asyncio.create_task(_of(go_on))
    came_back = False
    with anyio.CancelScope() as scope:
        cancelling = asyncio.create_task(_cancel_and_go_on(scope, go_on))
        await ended(task)
        came_back = task.done()
        await asyncio.Event().wait()
    assert (came_back, scope.cancelled_caught) == (True, True)
    await cancelling


async def test_a_cancelled_scope_of_anyio_wakes_nobody_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, waits, wait = asyncio.Event(), 0, asyncio.wait

    async def counted(*arguments: object) -> object:
        nonlocal waits
        waits += 1
        return await wait(*arguments)  # type: ignore[call-overload]

    monkeypatch.setattr(asyncio, "wait", counted)
    task = asyncio.create_task(_of(go_on))
    with anyio.CancelScope() as scope:
        cancelling = asyncio.create_task(_cancel_and_go_on(scope, go_on))
        try:
            await asyncio.Event().wait()
        finally:
            await ended(task)
    await cancelling
    assert waits == 1


async def _cancel_and_go_on(scope: anyio.CancelScope, go_on: asyncio.Event) -> None:
    await _turns()
    scope.cancel()
    await _turns()
    go_on.set()


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _of(event: asyncio.Event) -> None:
    await event.wait()
