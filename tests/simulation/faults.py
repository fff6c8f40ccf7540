"""Faults at every call of a driver: drawn from the seed, done to whoever calls."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, Final, Literal, TypeAlias

from aioqueue.drivers.base import Driver
from aioqueue.errors import StoreUnavailable
from tests.simulation.process import Process, running_process

Fault: TypeAlias = Literal[
    "refused",
    "reply lost",
    "slow",
    "slow reply",
    "cut off",
    "interrupted",
    "stands still",
    "vanishes",
    "vanishes after",
]

WEIGHTS: Final[dict[Fault, int]] = {
    "refused": 20,
    "reply lost": 30,
    "slow": 10,
    "slow reply": 10,
    "done too late": 40,
    "cut off": 3,
    "interrupted": 4,
    "stands still": 3,
    "vanishes": 4,
    "vanishes after": 4,
}
LOST_PUSHES: Final = 0.2
_END_CLAIMS: Final = ("reap", "retire", "release")
_ONLY_WHILE_CONNECTED: Final = ("open", "listen", "subscribe", "watch", "unwatch", "unsubscribe", "wait")


class Faults:
    """What goes wrong in one simulation, until `end`: how much differs from seed to seed, and whether calls take time.

    Each fault lasts for up to `longest` seconds.
    """

    def __init__(self, chance: random.Random, lease: float) -> None:
        self.longest = 2.5 * lease
        self.rate = chance.choice([0.002, 0.01, 0.03, 0.03, 0.1])
        self.latency = chance.choice([0.0, 0.001, 0.05])
        self._chance = chance
        self._kinds = [kind for kind in WEIGHTS if chance.random() < 0.8]
        self._weights = [WEIGHTS[kind] for kind in self._kinds]
        self._are_on = True
        self._still: list[Process] = []
        self._late: set[asyncio.Task[None]] = set()

    def draw(self) -> Fault | None:
        """Return what goes wrong with this call."""
        if not self._are_on or not self._kinds or self._chance.random() >= self.rate:
            return None
        return self._chance.choices(self._kinds, self._weights)[0]

    def loses_push(self) -> bool:
        """Whether a push does not arrive."""
        return self._are_on and self._chance.random() < LOST_PUSHES * min(10 * self.rate, 1)

    def seconds(self) -> float:
        """Return how long something lasts: mostly not for long."""
        return self.longest * self._chance.random() ** 4

    def pauses(self) -> tuple[float, float]:
        """Return how long a call and its reply are on their way."""
        whole = self.latency * self._chance.random()
        return (whole, 0.0) if self._chance.random() < 0.5 else (0.0, whole)

    def stand_still(self, process: Process) -> None:
        """Let a process stand still for a while, as SIGSTOP does."""
        process.stand_still()
        self._still.append(process)
        asyncio.get_running_loop().call_later(self.seconds(), process.go_on, context=Context())

    def do_late(self, request: Coroutine[Any, Any, object]) -> None:
        """Have the store do something later that nobody waits for any more: it was on its way when it was given up."""

        async def do() -> None:
            await asyncio.sleep(self.longest * self._chance.random() ** 2)
            with suppress(ValueError):
                await request

        late = Context().run(asyncio.get_running_loop().create_task, do())
        self._late.add(late)
        late.add_done_callback(self._late.discard, context=Context())

    async def until_all_is_done(self) -> None:
        """Wait for what is still on its way."""
        if self._late:
            await asyncio.wait(self._late)

    def end(self) -> None:
        """From now on nothing goes wrong; what stands still goes on."""
        self._are_on = False
        for process in self._still:
            process.cut_off_until = 0.0
            process.go_on()

    def is_cut_off(self, process: Process) -> bool:
        """Whether a process reaches no store now."""
        return self._are_on and asyncio.get_running_loop().time() < process.cut_off_until

    def cut_off(self, process: Process) -> None:
        """Let a process reach no store for a while."""
        process.cut_off_until = asyncio.get_running_loop().time() + self.seconds()


class FaultyDriver:
    """A driver as one process sees it. Every call is traced, and what it does noted in the ledger when it does it."""

    def __init__(self, driver: Driver, process: Process, faults: Faults | None) -> None:
        self._driver = driver
        self._process = process
        self._faults = faults
        self._history = process.history

    def __repr__(self) -> str:
        return repr(self._driver)

    @property
    def audience(self) -> bool:
        return self._driver.audience

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._driver, name)
        if not inspect.iscoroutinefunction(operation):
            raise AttributeError(name)

        async def call(*args: Any, **options: Any) -> Any:
            return await self._call(name, operation, args, options)

        self.__dict__[name] = call
        return call

    def clone(self) -> FaultyDriver:
        return FaultyDriver(self._driver.clone(), self._process, self._faults)

    async def listen(self, hear: Callable[..., None], gap: Callable[[], None]) -> None:
        await self._call("listen", self._driver.listen, (self._pushed(hear), self._pushed(gap)), {})

    async def subscribe(self, topic: str, hear: Callable[..., None]) -> None:
        await self._call("subscribe", self._driver.subscribe, (topic, self._pushed(hear)), {})

    def _pushed(self, hear: Callable[..., None]) -> Callable[..., None]:
        """Have a push arrive in the process that it is for, or be lost on its way."""
        context, loop = Context(), asyncio.get_running_loop()
        context.run(running_process.set, self._process)

        def arrive(*args: Any) -> None:
            if self._faults is not None and self._faults.loses_push():
                self._history.tell(self._process.name, "hears nothing: a push is lost")
            else:
                loop.call_soon(hear, *args, context=context)

        return arrive

    async def _call(self, name: str, operation: Callable[..., Any], args: tuple[Any, ...], options: Any) -> Any:
        if self._process.is_buried:
            if name == "close":
                return None
            raise asyncio.CancelledError
        faults = self._faults
        if faults is None:
            return await self._perform(name, operation, args, options)
        fault = faults.draw() if name != "close" else None
        if fault == "done too late" and name not in _ONLY_WHILE_CONNECTED:
            self._history.tell(self._process.name, f"*** {name}: {fault}")
            faults.do_late(self._perform(name, operation, args, options))
            raise StoreUnavailable(f"simulated: {name} is given up, and done later")
        there, back = faults.pauses()
        await self._set_out(name, fault, there, faults)
        answer = await self._perform(name, operation, args, options)
        await self._come_back(name, fault, back, faults)
        return answer

    async def _set_out(  # noqa: C901 -- one line a fault
        self, name: str, fault: Fault | None, pause: float, faults: Faults
    ) -> None:
        """Let a call be on its way to the store, which it may not reach."""
        process = self._process
        if fault is not None:
            self._history.tell(process.name, f"*** {name}: {fault}")
        match fault:
            case "slow":
                pause += faults.seconds()
            case "vanishes":
                process.vanish()
            case "stands still":
                faults.stand_still(process)
            case "cut off":
                faults.cut_off(process)
            case "interrupted":
                process.interrupt()
                pause += 0.001
            case "refused":
                raise StoreUnavailable(f"simulated: {name} is refused")
        if pause or process.stands_still:
            await asyncio.sleep(pause)
        if faults.is_cut_off(process) and name != "close":
            raise StoreUnavailable(f"simulated: {process.name} is cut off")

    async def _come_back(self, name: str, fault: Fault | None, pause: float, faults: Faults) -> None:
        """Let the reply be on its way from the store; it may be lost."""
        process = self._process
        match fault:
            case "slow reply":
                pause += faults.seconds()
            case "vanishes after":
                process.vanish()
            case "reply lost":
                raise StoreUnavailable(f"simulated: the reply to {name} is lost")
        if pause or process.stands_still:
            await asyncio.sleep(pause)
        if faults.is_cut_off(process) and name != "close":
            raise StoreUnavailable(f"simulated: {process.name} is cut off")

    async def _perform(self, name: str, operation: Callable[..., Any], args: tuple[Any, ...], options: Any) -> Any:
        """Have the store do it, and note what it did in the same step."""
        noted = args
        if name in _END_CLAIMS:
            noted = (await self._held(name, args), *args)
        answer = await operation(*args, **options)
        self._history.tell(self._process.name, name, args, "->", answer)
        note = getattr(self._history.ledger, name, None)
        if note is not None and self._history.is_open:
            note(await self._driver.now(), answer, *noted, **options)
        return answer

    async def _held(self, name: str, args: tuple[Any, ...]) -> dict[str, int]:
        """Return the claims that a call is going to end, if it ends any."""
        held = await self._driver.claims(args[0])
        asked_for = args[1] if name == "release" else held
        return {job_id: token for job_id, token in held.items() if asked_for.get(job_id) == token}
