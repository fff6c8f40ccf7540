"""A store whose payloads, outcomes and values are signed: nothing that no key has signed comes out of it.

It stands between the queue and its driver, so that every way in and out is the same one. What is signed is bound to
where it belongs: a record to its queue, its job's id and its task; an outcome to its job, the state that it ended in
and its place in a chord; a value to its key. Not signed is what cannot make anything run: due times, priorities,
counters, marks, leases, news, and whole numbers in the key-value store, which the store itself adds to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct, structs

from aioqueue.drivers.base import (
    Admitted,
    Again,
    Cancelled,
    Claim,
    Claimed,
    Driver,
    Ended,
    Finished,
    Hear,
    Membership,
    NewChord,
    NewJob,
    Outcome,
    Page,
    Settled,
    Shelf,
    StoredJob,
    Verdict,
)
from aioqueue.errors import SerializationError
from aioqueue.record import task_of, withheld
from aioqueue.seal import Keys, Untrusted
from aioqueue.states import JobState

_NO_MEMBER: Final = Membership("", 0)
_WHOLE_NUMBER: Final = re.compile(rb"-?[0-9]{1,20}")


class _Outcome(Struct, frozen=True, array_like=True):
    """An outcome, and what it is the outcome of."""

    job: str
    state: JobState
    chord: str
    index: int
    outcome: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Outcome).decode


class Seals:
    """Signs and verifies what one queue stores."""

    def __init__(self, keys: Keys, *place: str) -> None:
        self._keys = keys
        self._place = place

    def job(self, job_id: str, payload: bytes) -> bytes:
        """Sign the record of a job, in which its task is named."""
        return self._keys.seal(("job", *self._place, job_id), payload)

    def open_job(self, job_id: str, task: str, sealed: bytes) -> bytes:
        """Return the record of a job; raises `Untrusted` also where the store names another task than the record."""
        payload = self._keys.open(("job", *self._place, job_id), sealed)
        if (called := task_of(payload)) not in ("", task):
            raise Untrusted(f"it calls the task {called!r}, while the store says {task!r}")
        return payload

    def outcome(self, ended: Ended | Finished, member: Membership | None = None) -> bytes:
        """Sign an outcome; none stays none, but a chord is given one of each member."""
        if not ended.outcome and member is None:
            return b""
        place = member or _NO_MEMBER
        body = _encode(_Outcome(ended.id, ended.state, place.chord, place.index, ended.outcome))
        return self._keys.seal(("outcome", *self._place), body)

    def open_outcome(self, settled: Settled) -> bytes:
        """Return the outcome of a job; raises `Untrusted` also for that of another job or with another state."""
        found = self._open(settled.outcome)
        if (found.job, found.state) != (settled.id, settled.state):
            raise Untrusted(f"it is the signed outcome of job {found.job}, which has {found.state}")
        return found.outcome

    def open_input(self, chord: str, index: int, sealed: bytes) -> bytes:
        """Return a value of a chord; raises `Untrusted` also for that of another chord or place."""
        try:
            found = self._open(sealed)
        except Untrusted as why:
            raise Untrusted(f"of value {index} of its chord: {why}") from None
        if (found.chord, found.index) != (chord, index) or found.state is not JobState.SUCCEEDED:
            raise Untrusted(f"of value {index} of its chord: it was signed for another place")
        return found.outcome

    def value(self, key: str, value: bytes) -> bytes:
        """Sign a value of the key-value store; a whole number stays one."""
        return value if _WHOLE_NUMBER.fullmatch(value) else self._keys.seal(("value", *self._place, key), value)

    def open_value(self, key: str, sealed: bytes | None) -> bytes | None:
        """Return a value of the key-value store; raises `SerializationError` for one that must not be read."""
        if sealed is None or _WHOLE_NUMBER.fullmatch(sealed):
            return sealed
        try:
            return self._keys.open(("value", *self._place, key), sealed)
        except Untrusted as why:
            raise SerializationError(f"the value of key {key!r} was not read: {why}") from None

    def _open(self, sealed: bytes) -> _Outcome:
        return _decode(self._keys.open(("outcome", *self._place), sealed))


class SignedDriver:
    """A driver that signs what goes to another one, and withholds what comes from there with no good signature.

    A record is then replaced by one that says why (`record.withheld`), an outcome by nothing and its `distrust`. All
    operations that carry neither are the other driver's own.
    """

    def __init__(self, driver: Driver, seals: Seals) -> None:
        self._driver = driver
        self._seals = seals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def __repr__(self) -> str:
        return f"{self._driver!r}, signed"

    def clone(self) -> Driver:
        return cast("Driver", SignedDriver(self._driver.clone(), self._seals))

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
        gathered = [structs.replace(chord, callback=self._sealed(chord.callback)) for chord in chords]
        return await self._driver.enqueue([self._sealed(job) for job in jobs], gathered)

    async def replay(self, job_id: str, job: NewJob) -> bool:
        return await self._driver.replay(job_id, self._sealed(job))

    async def fire(self, schedule: str, slot: float, job: NewJob) -> bool:
        return await self._driver.fire(schedule, slot, self._sealed(job))

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> Claimed:
        return self._opened_all(await self._driver.claim(incarnation, batch, limit, suspects))

    async def claim_when_woken(
        self, incarnation: str, batch: int, limit: int, suspects: int, timeout: float
    ) -> Claimed:
        return self._opened_all(await self._driver.claim_when_woken(incarnation, batch, limit, suspects, timeout))

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        return await self._driver.settle(incarnation, [self._sealed_outcome(outcome) for outcome in outcomes])

    async def cancel(self, ended: Ended, ends: Sequence[Ended] = ()) -> Cancelled:
        return await self._driver.cancel(self._sealed_end(ended), [self._sealed_end(end) for end in ends])

    # ------------------------------------------------------------------ results
    async def results(self, ids: Sequence[str]) -> list[Settled | None]:
        return [self._settled(each) for each in await self._driver.results(ids)]

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        return [self._settled(each) for each in await self._driver.watch(ids, ttl)]

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:
        await self._driver.listen(lambda job_id, settled: hear(job_id, self._settled(settled)), gap)

    # ------------------------------------------------------------------ looking
    async def job(self, job_id: str) -> StoredJob | None:
        stored = await self._driver.job(job_id)
        return None if stored is None else self._shown(stored)

    async def jobs(self, shelf: Shelf, cursor: str = "", limit: int = 100) -> Page:
        page = await self._driver.jobs(shelf, cursor, limit)
        return structs.replace(page, jobs=[self._shown(stored) for stored in page.jobs])

    # ------------------------------------------------------------------ key-value
    async def get(self, key: str) -> bytes | None:
        return self._seals.open_value(key, await self._driver.get(key))

    async def pop(self, key: str) -> bytes | None:
        return self._seals.open_value(key, await self._driver.pop(key))

    async def put(self, key: str, value: bytes, ttl: float = 0.0) -> None:
        await self._driver.put(key, self._seals.value(key, value), ttl)

    async def put_if_absent(self, key: str, value: bytes, ttl: float = 0.0) -> bool:
        return await self._driver.put_if_absent(key, self._seals.value(key, value), ttl)

    # ------------------------------------------------------------------ in and out
    def _sealed(self, job: NewJob) -> NewJob:
        return structs.replace(job, payload=self._seals.job(job.id, job.payload))

    def _sealed_end(self, ended: Ended) -> Ended:
        return structs.replace(ended, outcome=self._seals.outcome(ended))

    def _sealed_outcome(self, outcome: Outcome) -> Outcome:
        successors = tuple(self._sealed(job) for job in outcome.successors)
        if isinstance(outcome, Again):
            payload = None if outcome.payload is None else self._seals.job(outcome.id, outcome.payload)
            return structs.replace(outcome, payload=payload, successors=successors)
        ends = tuple(self._sealed_end(end) for end in outcome.ends)
        kept = self._seals.outcome(outcome, outcome.member)
        return structs.replace(outcome, outcome=kept, successors=successors, ends=ends)

    def _opened_all(self, claimed: Claimed) -> Claimed:
        return structs.replace(claimed, jobs=[self._opened(claim) for claim in claimed.jobs])

    def _opened(self, claim: Claim) -> Claim:
        try:
            payload = self._seals.open_job(claim.id, claim.task, claim.payload)
            inputs = tuple(self._seals.open_input(claim.id, *each) for each in enumerate(claim.inputs))
        except Untrusted as why:
            payload, inputs = withheld(claim.payload, str(why)), ()
        return structs.replace(claim, payload=payload, inputs=inputs)

    def _shown(self, stored: StoredJob) -> StoredJob:
        try:
            payload = self._seals.open_job(stored.id, stored.task, stored.payload)
        except Untrusted as why:
            payload = withheld(stored.payload, str(why))
        return structs.replace(stored, payload=payload)

    def _settled(self, settled: Settled | None) -> Settled | None:
        if settled is None or not settled.outcome:
            return settled
        try:
            return structs.replace(settled, outcome=self._seals.open_outcome(settled))
        except Untrusted as why:
            return structs.replace(settled, outcome=b"", distrust=str(why))


def signed(driver: Driver, keys: Keys, serializer: str, queue: str) -> Driver:
    """Return a driver that signs for this queue, whose values the serializer of that name writes."""
    return cast("Driver", SignedDriver(driver, Seals(keys, serializer, queue)))
