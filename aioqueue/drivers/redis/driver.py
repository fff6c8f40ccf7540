"""The Redis driver: each operation of the contract is one script, and so one atomic step."""

from __future__ import annotations

import logging
import math
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar, cast

from aioqueue.drivers.base import (
    LAYOUT_VERSION,
    Admission,
    Claimed,
    Hear,
    Lease,
    NewJob,
    Outcome,
    Page,
    Renewal,
    Settled,
    Shelf,
    StoredJob,
    Verdict,
)
from aioqueue.drivers.redis import wire
from aioqueue.drivers.redis.connections import Connections
from aioqueue.drivers.redis.push import Listener
from aioqueue.drivers.redis.scripts import load, run
from aioqueue.drivers.redis.server import server_of
from aioqueue.drivers.redis.waking import Waking
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.states import JobState

STEP: Final = 1_000
CALLS_AT_ONCE: Final = 8
OLDEST_SERVER: Final = (6, 2)

_ADMISSIONS: Final[tuple[Admission, ...]] = ("accepted", "present", "finished")
_VERDICTS: Final[tuple[Verdict, ...]] = ("settled", "already", "lost")
_SHELVES: Final[tuple[Shelf, ...]] = ("queued", "scheduled", "running", "dead")
_QUEUE_NAME: Final = re.compile(r"[\w.:-]+", re.ASCII)
_PAGES: Final = {shelf: load(f"jobs_{shelf}") for shelf in _SHELVES}

_OPEN, _NOW, _SHIFT = load("open"), load("now"), load("shift")
_ENQUEUE, _CLAIM, _SETTLE, _RELEASE = load("enqueue"), load("claim"), load("settle"), load("release")
_PROMOTE, _FLUSH, _COUNTS = load("promote"), load("flush"), load("counts")
_REGISTER, _RENEW, _RETIRE, _LEASES, _REAP = (load(n) for n in ("register", "renew", "retire", "leases", "reap"))
_RESULTS, _WATCH, _UNWATCH = load("results_known"), load("watch"), load("unwatch")
_JOB, _STATE = load("job"), load("state")

logger = logging.getLogger("aioqueue")
T = TypeVar("T")


class RedisDriver:
    """A queue under the keys `aq:{queue}:…` of the server that `url` names. See `aioqueue.drivers.base.Driver`."""

    def __init__(self, url: str, queue: str = "default") -> None:
        if not _QUEUE_NAME.fullmatch(queue):
            raise ConfigurationError(f"queue name {queue!r}: use letters, digits and _ . : -")
        self._url = url
        self._queue = queue
        self._server = server_of(url)
        self._prefix = f"aq:{{{queue}}}:"
        self._listener_id = secrets.token_hex(8)
        self._calls: Connections | None = None
        self._waking: Waking | None = None
        self._listener: Listener | None = None

    def __repr__(self) -> str:
        return f"RedisDriver({self._server.address!r}, queue={self._queue!r})"

    # ------------------------------------------------------------------ life
    async def open(self) -> None:
        if self._calls is not None:
            return
        self._calls = Connections(self._server, CALLS_AT_ONCE)
        self._waking = Waking(self._server, self._calls, self._prefix)
        try:
            self._check_layout(await self._run(_OPEN, LAYOUT_VERSION))
            await self._check_server()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        listener, self._listener = self._listener, None
        waking, self._waking = self._waking, None
        calls, self._calls = self._calls, None
        async with AsyncExitStack() as closing:
            if calls is not None:
                closing.push_async_callback(calls.close)
            if waking is not None:
                closing.push_async_callback(waking.close)
            if listener is not None:
                closing.push_async_callback(listener.stop)

    def clone(self) -> RedisDriver:
        return RedisDriver(self._url, self._queue)

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob]) -> list[Admission]:
        answers: list[Admission] = []
        for step in _steps(jobs):
            reply = await self._run(_ENQUEUE, wire.pack(wire.job_rows(step)))
            answers += [_ADMISSIONS[code] for code in reply]
        return answers

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        return wire.read_claimed(await self._run(_CLAIM, incarnation, batch, limit, suspects))

    async def wait(self, incarnation: str, timeout: float) -> None:  # noqa: ARG002 - one token wakes whoever waits
        if self._waking is None:
            raise self._not_open()
        await self._waking.wait(timeout)

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        answers: list[Verdict] = []
        for step in _steps(outcomes):
            rows, extras = wire.outcome_rows(step)
            reply = await self._run(_SETTLE, incarnation, wire.pack(rows), wire.pack(extras))
            answers += [_VERDICTS[code] for code in reply]
        return answers

    async def release(self, incarnation: str, claims: Mapping[str, int]) -> int:
        in_line_order = sorted(claims.items(), key=lambda claim: claim[1])
        rows = [part for claim in in_line_order for part in claim]
        return cast("int", await self._run(_RELEASE, incarnation, wire.pack(rows)))

    async def claims(self, incarnation: str) -> dict[str, int]:
        flat = await self._connections().call("HGETALL", f"{self._prefix}claims:{incarnation}")
        return {job_id.decode(): int(token) for job_id, token in zip(flat[::2], flat[1::2], strict=True)}

    async def promote(self, limit: int) -> float | None:
        return wire.read_due_in(await self._run(_PROMOTE, limit))

    # ------------------------------------------------------------------ leases
    async def register(self, incarnation: str, seconds: float, info: bytes) -> None:
        await self._run(_REGISTER, incarnation, seconds, info)

    async def renew(self, incarnation: str) -> Renewal:
        return Renewal(alive=await self._run(_RENEW, incarnation) == 1, cancel=[])

    async def retire(self, incarnation: str) -> int:
        return cast("int", await self._run(_RETIRE, incarnation))

    async def leases(self) -> list[Lease]:
        return [wire.read_lease(row) for row in await self._run(_LEASES)]

    async def reap(self, incarnation: str, counter: int) -> int | None:
        held = await self._run(_REAP, incarnation, counter)
        return None if held < 0 else held

    # ------------------------------------------------------------------ results
    async def results(self, ids: Sequence[str]) -> list[Settled | None]:
        known: list[Settled | None] = []
        for step in _steps(ids):
            known += wire.read_settled(step, await self._run(_RESULTS, wire.pack(step)))
        return known

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:
        if self._calls is None:
            raise self._not_open()
        if self._listener is not None:
            raise RuntimeError("this driver has a listener already")
        listener = Listener(self._server, f"{self._prefix}push:{self._listener_id}", hear, gap)
        await listener.start()
        self._listener = listener

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        known: list[Settled | None] = []
        milliseconds = max(1, math.ceil(ttl * 1000))
        for step in _steps(ids):
            bodies = await self._run(_WATCH, self._listener_id, milliseconds, wire.pack(step))
            known += wire.read_settled(step, bodies)
        return known

    async def unwatch(self, ids: Sequence[str]) -> None:
        for step in _steps(ids):
            await self._run(_UNWATCH, self._listener_id, wire.pack(step))

    # ------------------------------------------------------------------ looking
    async def job(self, job_id: str) -> StoredJob | None:
        row, letter = await self._run(_JOB, job_id)
        if row:
            return wire.read_stored(row)
        return wire.read_dead(job_id.encode(), letter) if letter else None

    async def state(self, job_id: str) -> JobState:
        return wire.STATES[await self._run(_STATE, job_id)]

    async def jobs(self, shelf: Shelf, cursor: str = "", limit: int = 100) -> Page:
        after, rows = await self._run(_PAGES[shelf], cursor, limit)
        jobs = [wire.read_dead(*row) if shelf == "dead" else wire.read_stored(row) for row in rows]
        return Page(jobs, after.decode())

    async def counts(self) -> dict[Shelf, int]:
        return dict(zip(_SHELVES, await self._run(_COUNTS), strict=True))

    async def flush(self) -> None:
        epoch = await self._run(_FLUSH)
        for kind in ("r", "w"):
            await self._collect(f"{self._prefix}{kind}:", f"{self._prefix}{kind}:{epoch}:")

    async def now(self) -> float:
        return float(await self._run(_NOW))

    async def shift(self, seconds: float) -> None:
        await self._run(_SHIFT, seconds)

    # ------------------------------------------------------------------ inside
    def _check_layout(self, layout: int) -> None:
        if layout > LAYOUT_VERSION:
            raise ConfigurationError(
                f"queue {self._queue!r} at {self._server.address} has layout {layout}, "
                f"this aioqueue reads up to {LAYOUT_VERSION}: upgrade aioqueue"
            )

    async def _check_server(self) -> None:
        try:
            info = await self._connections().call("INFO")
        except ConfigurationError:
            return  # this user may not ask
        _check_info(info, self._server.address)

    async def _run(self, script: Any, *arguments: str | bytes | float) -> Any:
        return await run(self._connections(), script, self._prefix, *arguments)

    async def _collect(self, prefix: str, current: str) -> None:
        """Delete the keys of past epochs; nothing reads them any more, so this need not be one step."""
        cursor = b"0"
        while True:
            cursor, keys = await self._connections().call("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", STEP)
            garbage = [key for key in keys if not key.startswith(current.encode())]
            if garbage:
                await self._connections().call("UNLINK", *garbage)
            if cursor == b"0":
                return

    def _connections(self) -> Connections:
        if self._calls is None:
            raise self._not_open()
        return self._calls

    def _not_open(self) -> StoreUnavailable:
        return StoreUnavailable(f"{self!r} is not open")


def _steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a long call into what one script may carry."""
    for start in range(0, len(items), STEP):
        yield items[start : start + STEP]


def _check_info(info: bytes, address: str) -> None:
    facts = dict(line.split(":", 1) for line in info.decode(errors="replace").splitlines() if ":" in line)
    version = facts.get("redis_version", "")
    if version and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise ConfigurationError(f"Redis at {address} is version {version}: 6.2 or newer is needed")
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        logger.warning("Redis at %s may evict jobs: its maxmemory-policy is %s, not noeviction", address, policy)
