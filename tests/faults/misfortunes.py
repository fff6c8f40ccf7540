"""One fault after another, each drawn by lot, at workers, at Redis and at the way between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import redis.asyncio

from tests.faults.processes import Process
from tests.faults.proxy import Fate, Proxy, Request
from tests.faults.receipts import WorkerBegan
from tests.faults.trial import LEASE, Trial, until
from tests.servers import RedisServer

SHARE_OF_REPLIES = 0.05


class Misfortunes:
    """Befalls all workers of a trial but the first, which is left alive so that its memory can be judged.

    That one too is frozen, cut off, and left without a store.
    """

    def __init__(self, run: Trial, server: RedisServer, proxy: Proxy) -> None:
        self.count: Counter[str] = Counter()
        self._run = run
        self._server = server
        self._proxy = proxy
        self._deck: list[Callable[[], Awaitable[None]]] = []

    async def befall(self) -> None:
        """Let the next one happen, and return when it is over. Each kind comes once before any comes twice."""
        if not self._deck:
            self._deck = [
                self._kill_a_worker,
                self._freeze_a_worker,
                self._stop_a_worker,
                self._reset_connections,
                self._drop_replies,
                self._stall_redis,
                self._restart_redis,
                self._forget_scripts,
            ]
            self._run.random.shuffle(self._deck)
        misfortune = self._deck.pop()
        self.count[misfortune.__name__.strip("_").replace("_", " ")] += 1
        await misfortune()

    async def _kill_a_worker(self) -> None:
        (await self._mortal()).kill()
        self._replace()

    async def _stop_a_worker(self) -> None:
        """As in a rolling deploy: the new one comes before the old one has gone."""
        leaving = await self._mortal()
        self._replace()
        leaving.terminate()
        assert await leaving.ended() == 0, leaving.log

    async def _freeze_a_worker(self) -> None:
        victim = self._run.random.choice([process for process in self._run.processes if process.is_alive])
        victim.freeze()
        await self._a_while(0.5, 2 * LEASE)
        victim.thaw()

    async def _reset_connections(self) -> None:
        self._proxy.reset()

    async def _drop_replies(self) -> None:
        self._proxy.judge = self._lose_some
        await self._a_while(0.5, 1.5)
        self._proxy.judge = lambda _: Fate.PASS

    def _lose_some(self, request: Request) -> Fate:
        return Fate.DROP_REPLY if self._run.random.random() < SHARE_OF_REPLIES else Fate.PASS

    async def _stall_redis(self) -> None:
        self._server.pause()
        await self._a_while(0.5, 1.5 * LEASE)
        self._server.resume()

    async def _restart_redis(self) -> None:
        await asyncio.to_thread(self._server.kill)
        await self._a_while(0.0, 1.5)
        await asyncio.to_thread(self._server.restart)

    async def _forget_scripts(self) -> None:
        async with redis.asyncio.from_url(self._server.url) as client:
            await client.script_flush()

    async def _mortal(self) -> Process:
        """Draw a worker that is ready: one that is not yet does not know what SIGTERM means."""
        return self._run.random.choice(await until(self._ready_mortals))

    def _ready_mortals(self) -> list[Process]:
        ready = {receipt.pid for receipt in self._run.all_of(WorkerBegan)}
        return [process for process in self._run.processes[1:] if process.is_alive and process.pid in ready]

    def _replace(self) -> None:
        self._run.launch_workers(1, url=self._proxy.url)

    async def _a_while(self, least: float, most: float) -> None:
        await asyncio.sleep(self._run.random.uniform(least, most))
