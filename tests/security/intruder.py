"""Somebody who can write to the store, but has no key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aioqueue import JobState, Queue
from aioqueue.drivers.base import Again, Driver, Finished, Membership, NewJob, Outcome
from aioqueue.ids import new_id


class Intruder:
    """Does to the store of a queue what its driver lets anybody do."""

    def __init__(self, store: Driver) -> None:
        self.store = store
        self._incarnation = new_id()
        self._batch = 0

    async def put(self, payload: bytes, task: str, job_id: str = "") -> str:
        """Store a job."""
        job = NewJob(job_id or new_id(), task, payload)
        (admitted,) = await self.store.enqueue([job])
        assert admitted.admission == "accepted"
        return job.id

    async def payload(self, job_id: str) -> bytes:
        """Return what is stored of a job."""
        stored = await self.store.job(job_id)
        assert stored is not None
        return stored.payload

    async def outcome(self, job_id: str) -> bytes:
        """Return what is stored of the outcome of a job."""
        (settled,) = await self.store.results([job_id])
        assert settled is not None
        return settled.outcome

    async def end(
        self, job_id: str, outcome: bytes, state: JobState = JobState.SUCCEEDED, member: Membership | None = None
    ) -> None:
        """Take a queued job, and end it with this outcome as if it had been run."""
        token = await self._claim(job_id)
        await self._settle(Finished(job_id, token, state, outcome, 60.0, member=member))

    async def put_again(self, job_id: str, payload: bytes) -> None:
        """Take a queued job, and put another record in the place of its own, as a retry does."""
        await self._settle(Again(job_id, await self._claim(job_id), payload))

    async def _claim(self, job_id: str) -> int:
        await self.store.register(self._incarnation, 30.0, b"")
        self._batch += 1
        claimed = await self.store.claim(self._incarnation, self._batch, 100, 100)
        tokens = {claim.id: claim.token for claim in claimed.jobs}
        token = tokens.pop(job_id)
        await self.store.release(self._incarnation, tokens)
        return token

    async def _settle(self, outcome: Outcome) -> None:
        assert await self.store.settle(self._incarnation, [outcome]) == ["settled"]

    async def leave(self) -> None:
        """Give back what was taken, and disconnect."""
        await self.store.retire(self._incarnation)
        await self.store.close()


@asynccontextmanager
async def intruder_at(queue: Queue) -> AsyncIterator[Intruder]:
    """Let somebody at the store of a queue."""
    store = queue.store()
    await store.open()
    intruder = Intruder(store)
    try:
        yield intruder
    finally:
        await intruder.leave()


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_sprung(self) -> bool:
        """Whether it was unpickled."""
        return self._path.exists()

    def __reduce__(self) -> tuple[object, Sequence[object]]:
        return Path.touch, (self._path,)
