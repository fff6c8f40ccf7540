"""The Redis driver: each operation of the contract is one script, and so one atomic step."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, TypeVar, cast

from aioqueue.drivers.base import (
    LARGEST_NEWS,
    LAYOUT_VERSION,
    Admitted,
    Cancelled,
    Claimed,
    Ended,
    Hear,
    HearNews,
    Lease,
    NewChord,
    NewJob,
    Outcome,
    Page,
    Renewal,
    Revocation,
    Settled,
    Shelf,
    StoredJob,
    Verdict,
)
from aioqueue.drivers.redis import wire
from aioqueue.drivers.redis.connections import Connections
from aioqueue.drivers.redis.lane import Lane
from aioqueue.drivers.redis.scripts import Script, run
from aioqueue.drivers.redis.server import server_of
from aioqueue.drivers.redis.subscriptions import Subscriptions
from aioqueue.drivers.redis.waking import Waking
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.states import JobState

STEP: Final = 1_000
STEP_BYTES: Final = 4 * 1024 * 1024
CALLS_AT_ONCE: Final = 4  # the server does one at a time; these are for the way there and back
OLDEST_SERVER: Final = (6, 2)

_CANCELLED: Final[tuple[Cancelled, ...]] = ("cancelled", "asked", "finished", "unknown")
_VERDICTS: Final[tuple[Verdict, ...]] = ("settled", "already", "lost", "unmarked")
_SHELVES: Final[tuple[Shelf, ...]] = ("queued", "scheduled", "running", "dead")
_QUEUE_NAME: Final = re.compile(r"[\w.:-]+", re.ASCII)
_PAGES: Final = {shelf: Script(f"jobs_{shelf}") for shelf in _SHELVES}

_OPEN, _NOW, _SHIFT = Script("open"), Script("now"), Script("shift")
_ENQUEUE, _CLAIM, _SETTLE, _RELEASE = Script("enqueue"), Script("claim"), Script("settle"), Script("release")
_CANCEL, _RESCHEDULE, _REPLAY = Script("cancel"), Script("reschedule"), Script("replay")
_PROMOTE, _FLUSH, _COUNTS = Script("promote"), Script("flush"), Script("counts")
_REGISTER, _RENEW, _RETIRE, _LEASES, _REAP = (Script(n) for n in ("register", "renew", "retire", "leases", "reap"))
_REVOKE, _RESTORE, _REVOCATIONS, _PAUSE, _RESUME = (
    Script(n) for n in ("revoke", "restore", "revocations", "pause", "resume")
)
_FIRE, _SPEND = Script("fire"), Script("spend")
_ACQUIRE, _EXTEND, _FREE, _HOLDERS, _CLEAR = (Script(n) for n in ("acquire", "extend", "free", "holders", "clear"))
_GET, _PUT, _PUT_IF_ABSENT = Script("get"), Script("put"), Script("put_if_absent")
_POP, _DELETE, _INCREMENT = Script("pop"), Script("delete"), Script("increment")
_NOTE, _NOTES = Script("note"), Script("notes")
_RESULTS, _WATCH, _UNWATCH = Script("results_known"), Script("watch"), Script("unwatch")
_JOB, _STATE = Script("job"), Script("state")

logger: Final = logging.getLogger("aioqueue")
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
        self._listener_id = uuid.uuid4().hex
        self._calls: Connections | None = None
        self._lane: Lane | None = None
        self._waking: Waking | None = None
        self._subscriptions: Subscriptions | None = None
        self._listens = False
        self._audience = False

    def __repr__(self) -> str:
        return f"RedisDriver({self._server.address!r}, queue={self._queue!r})"

    # ------------------------------------------------------------------ life
    async def open(self) -> None:
        if self._calls is not None:
            return
        self._calls = Connections(self._server, CALLS_AT_ONCE)
        self._lane = Lane(self._server)
        self._waking = Waking(self._server, self._calls, self._prefix)
        self._subscriptions = Subscriptions(self._server)
        try:
            self._check_layout(await self._run(_OPEN, LAYOUT_VERSION))
            await self._check_server()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        subscriptions, self._subscriptions, self._listens = self._subscriptions, None, False
        waking, self._waking = self._waking, None
        lane, self._lane = self._lane, None
        calls, self._calls = self._calls, None
        async with AsyncExitStack() as closing:
            if lane is not None:
                closing.push_async_callback(lane.close)
            if calls is not None:
                closing.push_async_callback(calls.close)
            if waking is not None:
                closing.push_async_callback(waking.close)
            if subscriptions is not None:
                closing.push_async_callback(subscriptions.stop)

    def clone(self) -> RedisDriver:
        return RedisDriver(self._url, self._queue)

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        answers: list[Admitted] = []
        for step in _steps(jobs) if jobs else ([],):
            answers += await self._enqueue(step, chords)
            chords = ()
        return answers

    async def cancel(self, ended: Ended, ends: Sequence[Ended] = ()) -> Cancelled:
        body, packed_ends = wire.ended_body(ended), wire.pack(wire.ended_rows(ends))
        code: int = await self._run(_CANCEL, ended.id, body, ended.result_ttl, packed_ends)
        return _CANCELLED[code]

    async def cancellations(self, incarnation: str) -> list[str]:
        asked = await self._connections().call("HKEYS", f"{self._prefix}unwanted:{incarnation}")
        return [job_id.decode() for job_id in asked]

    async def reschedule(self, job_id: str, delay: float, eta: float) -> bool:
        return bool(await self._run(_RESCHEDULE, job_id, eta, delay))

    async def replay(self, job_id: str, job: NewJob) -> bool:
        return bool(await self._run(_REPLAY, job_id, wire.pack(wire.job_rows([job]))))

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        return self._read_claimed(await self._run(_CLAIM, incarnation, batch, limit, suspects))

    async def wait(self, incarnation: str, timeout: float) -> None:  # noqa: ARG002 - one token wakes whoever waits
        await self._open_waking().wait(timeout)

    async def claim_when_woken(
        self, incarnation: str, batch: int, limit: int, suspects: int, timeout: float
    ) -> Claimed:
        return self._read_claimed(await self._open_waking().claim(timeout, incarnation, batch, limit, suspects))

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        answers: list[Verdict] = []
        for step in _steps(outcomes):
            answers += await self._settle(incarnation, step)
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

    async def renew(self, incarnation: str, info: bytes = b"") -> Renewal:
        alive, asked = await self._run(_RENEW, incarnation, info)
        return Renewal(alive=bool(alive), cancel=[job_id.decode() for job_id in asked])

    async def retire(self, incarnation: str) -> int:
        return cast("int", await self._run(_RETIRE, incarnation))

    async def leases(self) -> list[Lease]:
        return [wire.read_lease(row) for row in await self._run(_LEASES)]

    async def reap(self, incarnation: str, counter: int) -> int | None:
        held = await self._run(_REAP, incarnation, counter)
        return None if held < 0 else held

    # ------------------------------------------------------------------ stopping
    async def revoke(self, target: str, until: float = 0.0, *, once: bool = False, ttl: float = 0.0) -> None:
        await self._run(_REVOKE, target, until, int(once), ttl)

    async def restore(self, target: str) -> bool:
        return bool(await self._run(_RESTORE, target))

    async def revocations(self, targets: Sequence[str]) -> list[Revocation | None]:
        return wire.read_revocations(targets, await self._run(_REVOCATIONS, wire.pack(targets)))

    async def pause(self) -> None:
        await self._run(_PAUSE)
        await self._keep_one_token()

    async def resume(self) -> None:
        await self._run(_RESUME)
        await self._keep_one_token()

    async def is_paused(self) -> bool:
        return bool(await self._connections().call("HEXISTS", f"{self._prefix}meta", "paused"))

    # ------------------------------------------------------------------ coordination
    async def fire(self, schedule: str, slot: float, job: NewJob) -> bool:
        return bool(await self._run(_FIRE, schedule, slot, wire.pack(wire.job_rows([job]))))

    async def last_slots(self, schedules: Sequence[str]) -> list[float | None]:
        if not schedules:
            return []
        last = await self._connections().call("HMGET", f"{self._prefix}slots", *schedules)
        return [float(slot.partition(b" ")[0]) if slot else None for slot in last]

    async def acquire(self, name: str, owner: str, ttl: float, limit: int = 1) -> bool:
        return bool(await self._run(_ACQUIRE, name, owner, ttl, limit))

    async def extend(self, name: str, owner: str, ttl: float) -> bool:
        return bool(await self._run(_EXTEND, name, owner, ttl))

    async def free(self, name: str, owner: str) -> bool:
        return bool(await self._run(_FREE, name, owner))

    async def holders(self, names: Sequence[str]) -> list[int]:
        return cast("list[int]", await self._run(_HOLDERS, wire.pack(names)))

    async def clear(self, names: Sequence[str]) -> int:
        return cast("int", await self._run(_CLEAR, wire.pack(names)))

    async def spend(self, name: str, limit: int, per: float) -> float:
        return float(await self._run(_SPEND, name, limit, per))

    # ------------------------------------------------------------------ key-value
    async def get(self, key: str) -> bytes | None:
        return cast("bytes | None", await self._run(_GET, key))

    async def put(self, key: str, value: bytes, ttl: float = 0.0) -> None:
        await self._run(_PUT, key, value, ttl)

    async def put_if_absent(self, key: str, value: bytes, ttl: float = 0.0) -> bool:
        return bool(await self._run(_PUT_IF_ABSENT, key, value, ttl))

    async def pop(self, key: str) -> bytes | None:
        return cast("bytes | None", await self._run(_POP, key))

    async def delete(self, key: str) -> bool:
        return bool(await self._run(_DELETE, key))

    async def increment(self, key: str, by: int = 1) -> int:
        total = await self._run(_INCREMENT, key, str(by))
        if total is None:
            raise ValueError(f"the value of {key!r}, or {by} more, is not a whole number of 64 bits")
        return int(total)

    # ------------------------------------------------------------------ news
    async def publish(self, topic: str, data: bytes) -> int:
        _check_size(data)
        return cast("int", await self._connections().call("PUBLISH", self._channel(topic), data))

    async def subscribe(self, topic: str, hear: HearNews) -> None:
        await self._open_subscriptions().add(self._channel(topic), partial(hear, topic))

    async def unsubscribe(self, topic: str) -> None:
        await self._open_subscriptions().remove(self._channel(topic))

    @property
    def audience(self) -> bool:
        return self._audience

    async def note(self, job_id: str, data: bytes, ttl: float) -> int:
        _check_size(data)
        return cast("int", await self._run(_NOTE, job_id, data, ttl))

    async def notes(self, job_id: str, after: int) -> list[tuple[int, bytes]]:
        return wire.read_notes(await self._run(_NOTES, job_id, after))

    # ------------------------------------------------------------------ results
    async def results(self, ids: Sequence[str]) -> list[Settled | None]:
        known: list[Settled | None] = []
        while len(known) < len(ids):
            step = ids[len(known) : len(known) + STEP]
            known += wire.read_settled(step, await self._run(_RESULTS, wire.pack(step)))
        return known

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:
        if self._listens:
            raise RuntimeError("this driver has a listener already")
        subscriptions = self._open_subscriptions()
        await subscriptions.add(f"{self._prefix}push:{self._listener_id}", partial(_hear_push, hear))
        subscriptions.tell_of_gaps(gap)
        self._listens = True

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        known: list[Settled | None] = []
        while len(known) < len(ids):
            step = ids[len(known) : len(known) + STEP]
            packed = wire.pack(step)
            reply = await run(self._open_lane(), _WATCH, self._prefix, self._listener_id, ttl, packed)
            known += wire.read_settled(step, reply)
        return known

    async def unwatch(self, ids: Sequence[str]) -> None:
        for step in _steps(ids):
            await run(self._open_lane(), _UNWATCH, self._prefix, self._listener_id, wire.pack(step))

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
        for kind in ("r", "w", "n", "lock", "rate"):
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

    async def _enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord]) -> list[Admitted]:
        packed = [wire.pack(wire.job_rows(jobs))]
        if _is_too_large(jobs, packed):
            first, second = _halves(jobs)
            return [*await self._enqueue(first, chords), *await self._enqueue(second, ())]
        if chords:
            packed.append(wire.pack(wire.chord_rows(chords)))
        codes, others, hearers = wire.unrefused(await run(self._open_lane(), _ENQUEUE, self._prefix, *packed))
        self._audience = hearers > 0
        return wire.read_admitted(jobs, codes, others)

    async def _settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        packed = [wire.pack(part) for part in wire.outcome_rows(outcomes)]
        if _is_too_large(outcomes, packed):
            first, second = _halves(outcomes)
            return [*await self._settle(incarnation, first), *await self._settle(incarnation, second)]
        return [_VERDICTS[code] for code in await self._run(_SETTLE, incarnation, *packed)]

    async def _run(self, script: Any, *arguments: str | bytes | float) -> Any:
        return await run(self._connections(), script, self._prefix, *arguments)

    def _channel(self, topic: str) -> str:
        return f"{self._prefix}news:{topic}"

    async def _keep_one_token(self) -> None:
        """Take back what was pushed for more waiters than there are: one token wakes the next one, and is enough."""
        await self._connections().call("LTRIM", f"{self._prefix}wake", 0, 0)

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

    def _read_claimed(self, reply: wire.Reply) -> Claimed:
        self._audience = wire.hearers_of(reply) > 0
        return wire.read_claimed(reply)

    def _connections(self) -> Connections:
        if self._calls is None:
            raise self._not_open()
        return self._calls

    def _open_lane(self) -> Lane:
        if self._lane is None:
            raise self._not_open()
        return self._lane

    def _open_waking(self) -> Waking:
        if self._waking is None:
            raise self._not_open()
        return self._waking

    def _open_subscriptions(self) -> Subscriptions:
        if self._subscriptions is None:
            raise self._not_open()
        return self._subscriptions

    def _not_open(self) -> StoreUnavailable:
        return StoreUnavailable(f"{self!r} is not open")


def _steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a long call into what one script may carry."""
    for start in range(0, len(items), STEP):
        yield items[start : start + STEP]


def _is_too_large(items: Sequence[object], packed: Iterable[bytes]) -> bool:
    return len(items) > 1 and sum(map(len, packed)) > STEP_BYTES


def _halves(items: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _check_size(data: bytes) -> None:
    if len(data) > LARGEST_NEWS:
        raise ValueError(f"{len(data)} bytes of news: at most {LARGEST_NEWS} travel")


def _hear_push(hear: Hear, message: bytes) -> None:
    """Tell of each job in a message; an error over one of them must not keep the others from being told."""
    for job_id, settled in wire.read_push(message):
        try:
            hear(job_id, settled)
        except Exception:
            logger.exception("the end of job %s could not be passed on", job_id)


def _check_info(info: bytes, address: str) -> None:
    facts = dict(line.split(":", 1) for line in info.decode(errors="replace").splitlines() if ":" in line)
    version = facts.get("redis_version", "")
    if version and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise ConfigurationError(f"Redis at {address} is version {version}: 6.2 or newer is needed")
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        logger.warning("Redis at %s may evict jobs: its maxmemory-policy is %s, not noeviction", address, policy)
