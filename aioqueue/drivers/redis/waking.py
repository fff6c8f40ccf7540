"""Waiting for work: a blocking pop of the one token that says there may be some, and a claim right after it.

The pop takes no job. A claim that the server makes for a worker that is gone by then is found when its lease is.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Final

from redis.exceptions import NoScriptError, RedisError

from aioqueue.drivers.redis import wire
from aioqueue.drivers.redis.connections import Call, Connections
from aioqueue.drivers.redis.exchange import CALL_TIMEOUT, Command
from aioqueue.drivers.redis.scripts import Script, command_of, run
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import AioqueueError

WAITS_AT_ONCE: Final = 64
SHORTEST_WAIT: Final = 0.01  # to Redis 0 is for ever, and so is a millisecond before Redis 7
LATEST: Final = 1.0  # after its timeout, for which Redis needs up to a tenth of a second, and the way back
CALLED_OFF_TTL: Final = 60_000

_CALL_OFF, _WAKE_ANOTHER, _CLAIM, _RELEASE = (Script(n) for n in ("call_off", "wake_another", "claim", "release"))


class Waking:
    """Waits on connections of their own, so that a blocked one holds up no other call.

    A cancelled wait may have taken the token already, or take it before the server notices. It is therefore not cut
    off but called off, by a second list on which it blocks, and what it turns out to have taken is put back.
    """

    def __init__(self, server: Server, calls: Connections, prefix: str) -> None:
        self._server = server
        self._waits = Connections(server, WAITS_AT_ONCE)
        self._calls = calls
        self._prefix = prefix
        own = uuid.uuid4().hex
        self._names = (f"{own}-{number}" for number in count())
        self._calling_off: set[asyncio.Task[None]] = set()

    async def wait(self, timeout: float) -> None:
        """Return at a wake-up, or after `timeout` seconds. A cancelled wait takes no wake-up with it.

        Raises `StoreUnavailable` soon after these if no answer comes: nothing may arrive here any more.
        """
        name, seconds = next(self._names), max(timeout, SHORTEST_WAIT)
        popping = await self._waits.start(self._pop(name, seconds), answered_within=seconds + LATEST)
        await self._until_called_off(name, popping, self._hand_on)

    async def claim(self, timeout: float, incarnation: str, batch: int, limit: int, suspects: int) -> wire.Reply:
        """Wait, and return the answer to a claim right after it. Cancelled, it keeps no job. Raises as `wait` does."""
        name, seconds = next(self._names), max(timeout, SHORTEST_WAIT)
        claim, put_back = (incarnation, batch, limit, suspects), partial(self._release, incarnation)
        commands = self._pop(name, seconds), command_of(_CLAIM, self._prefix, *claim)
        claiming = await self._waits.start(*commands, answered_within=seconds + LATEST)
        try:
            reply: wire.Reply = await self._until_called_off(name, claiming, put_back)
        except NoScriptError:
            reply = await self._teach(name, claim, put_back)
        return reply

    async def close(self) -> None:
        """Close the connections; waits under way end with `StoreUnavailable`."""
        try:
            await asyncio.gather(*self._calling_off, return_exceptions=True)
        finally:
            await self._waits.close()

    def _pop(self, name: str, seconds: float) -> Command:
        """Return the command that answers with the key whose element it popped and the element, or None."""
        return ("BLPOP", f"{self._prefix}wake", f"{self._prefix}off:{name}", f"{seconds:.3f}")

    async def _teach(self, name: str, claim: Command, put_back: Callable[[Any], Awaitable[object]]) -> Any:
        """Claim with the whole script; the server has forgotten it."""
        command = ("EVAL", _CLAIM.text, 1, self._prefix, *claim)
        try:
            claiming = await self._waits.start(command, answered_within=CALL_TIMEOUT)
        except asyncio.CancelledError:
            self._keep(self._wake_another())
            raise
        return await self._until_called_off(name, claiming, put_back)

    async def _until_called_off(self, name: str, call: Call, put_back: Callable[[Any], Awaitable[object]]) -> Any:
        try:
            return await call.reply
        except asyncio.CancelledError:
            self._keep(self._call_off(name, call, put_back))
            raise
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    def _keep(self, calling_off: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(calling_off, name="aioqueue redis wait, called off")
        self._calling_off.add(task)
        task.add_done_callback(self._calling_off.discard)

    async def _call_off(self, name: str, call: Call, put_back: Callable[[Any], Awaitable[object]]) -> None:
        try:
            with suppress(AioqueueError, RedisError, OSError):
                await run(self._calls, _CALL_OFF, self._prefix, name, CALLED_OFF_TTL)
                try:
                    async with asyncio.timeout(CALL_TIMEOUT):
                        taken = await call.reply
                except NoScriptError:  # nothing was claimed, but the pop before it may have taken the token
                    await run(self._calls, _WAKE_ANOTHER, self._prefix)
                else:
                    await put_back(taken)
        finally:
            call.give_up()

    async def _wake_another(self) -> None:
        with suppress(AioqueueError, RedisError, OSError):
            await run(self._calls, _WAKE_ANOTHER, self._prefix)

    async def _hand_on(self, popped: Any) -> None:
        if popped and popped[0].endswith(b":wake"):
            await run(self._calls, _WAKE_ANOTHER, self._prefix)

    async def _release(self, incarnation: str, reply: wire.Reply) -> None:
        """Put back what was claimed, which wakes another; so does a claim that found nothing: its lease may be gone."""
        tokens = [part for claim in wire.read_claimed(reply).jobs for part in (claim.id, claim.token)]
        if tokens:
            await run(self._calls, _RELEASE, self._prefix, incarnation, wire.pack(tokens))
        else:
            await run(self._calls, _WAKE_ANOTHER, self._prefix)
