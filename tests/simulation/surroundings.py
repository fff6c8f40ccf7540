"""What aioqueue finds around it in a simulation: virtual time, chance from the seed, and no threads of its own."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, Final
from unittest import mock

from aioqueue import ids
from aioqueue.worker import announcing, incarnation, worker
from aioqueue.worker.lease import LeaseKeeper
from tests.simulation.loop import VirtualLoop

EPOCH: Final = 1_750_000_000.0

_aioqueue = logging.getLogger("aioqueue")


@contextmanager
def surroundings(loop: VirtualLoop, seed: int) -> Iterator[list[logging.LogRecord]]:
    """Replace, for every loaded module of aioqueue, what would differ from run to run; gives what is logged."""
    chance = random.Random(f"surroundings {seed}")
    stand_ins: dict[ModuleType, object] = {
        time: SimpleNamespace(time=lambda: EPOCH + loop.now, monotonic=lambda: loop.now),
        random: chance,
        uuid: SimpleNamespace(UUID=uuid.UUID, uuid4=lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
    }
    with ExitStack() as stack:
        for module, name, stand_in in _found(stand_ins):
            stack.enter_context(mock.patch.object(module, name, stand_in))
        stack.enter_context(mock.patch.object(ids, "os", SimpleNamespace(urandom=chance.randbytes)))
        stack.enter_context(mock.patch.object(ids, "_tails", []))
        stack.enter_context(mock.patch.object(announcing, "resident_bytes", lambda: 0))
        stack.enter_context(mock.patch.object(incarnation, "LeaseKeeper", LeaseActor))
        stack.enter_context(mock.patch.object(worker, "LoopWatch", NoWatch))
        yield stack.enter_context(_logged())


def _found(stand_ins: dict[ModuleType, object]) -> list[tuple[ModuleType, str, object]]:
    """Return where in aioqueue one of these modules is used, and under which name."""
    inside = [module for name, module in sys.modules.items() if name.partition(".")[0] == "aioqueue"]
    return [
        (module, original.__name__, stand_in)
        for module in inside
        for original, stand_in in stand_ins.items()
        if vars(module).get(original.__name__) is original
    ]


class LeaseActor(LeaseKeeper):
    """A lease keeper as it is, but for its thread: it runs beside everything else on the simulated loop."""

    _actor: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._actor = asyncio.get_running_loop().create_task(self._live())

    async def stop(self) -> None:
        self._stopping.set()
        self._wake()
        if self._actor is not None:
            await asyncio.wait({self._actor})

    async def _live(self) -> None:
        try:
            await self._keep()
        finally:
            if not self._stopping.is_set():
                self._tell(self._lost)


class NoWatch:
    """Nothing blocks a simulated loop, so nobody watches it."""

    lag = 0.0
    blocks = 0

    def __init__(self, *_: Any) -> None:
        pass

    def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


@contextmanager
def _logged() -> Iterator[list[logging.LogRecord]]:
    """Give the warnings and errors of aioqueue, and keep them from everybody else."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    level, propagates = _aioqueue.level, _aioqueue.propagate
    _aioqueue.addHandler(handler)
    _aioqueue.setLevel(logging.WARNING)
    _aioqueue.propagate = False
    try:
        yield records
    finally:
        _aioqueue.removeHandler(handler)
        _aioqueue.setLevel(level)
        _aioqueue.propagate = propagates
