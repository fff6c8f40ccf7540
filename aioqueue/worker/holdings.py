"""What one incarnation holds: the claims it knows of, from the claim's reply to the settle's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from aioqueue.drivers.base import Claim
from aioqueue.worker.capacity import Kind


class Holding(Struct, eq=False):
    """One claim in this worker's hands, `since` it was claimed; `body` is there `since` it was started.

    `dropped` says that the worker itself stopped the body, so that its end is no outcome; `cancelled` that someone
    asked for its end; `interruptible` that a cancellation may end what the body does now. Where it may not, whoever
    executes the job looks at `cancelled` in time.
    """

    claim: Claim
    since: float
    body: asyncio.Task[None] | None = None
    kind: Kind = "loop"
    dropped: bool = False
    cancelled: bool = False
    interruptible: bool = False

    def drop(self) -> None:
        """Stop the body; its job stays claimed until it is released or reaped."""
        self.dropped = True
        if self.body is not None:
            self.body.cancel()

    def is_cancelled(self) -> bool:
        """Whether someone asked for the end of this job."""
        return self.cancelled

    def cancel(self) -> None:
        """Stop the body for good."""
        self.cancelled = True
        if self.body is not None and self.interruptible:
            self.body.cancel()


class Holdings:
    """The claims of one incarnation by job id, and an event for whoever waits for a change of them or of free slots."""

    def __init__(self) -> None:
        self._by_id: dict[str, Holding] = {}
        self.suspects: int = 0
        self.changed: Final = asyncio.Event()

    def get(self, job_id: str) -> Holding | None:
        """Return the claim of a job."""
        return self._by_id.get(job_id)

    def running_in(self, body: asyncio.Task[Any]) -> Holding | None:
        """Return the claim whose body an asyncio.Task is."""
        return next((holding for holding in self if holding.body is body), None)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Holding]:
        return iter(list(self._by_id.values()))

    def add(self, claim: Claim, now: float) -> Holding | None:
        """Take a claim into hand; None if it is there already, which a repeated claim may answer."""
        known = self._by_id.get(claim.id)
        if known is not None and known.claim.token == claim.token:
            return None
        holding = self._by_id[claim.id] = Holding(claim, now)
        self.suspects += bool(claim.deliveries) - bool(known is not None and known.claim.deliveries)
        return holding

    def remove(self, job_id: str, token: int) -> None:
        """Forget a claim that has ended."""
        holding = self._by_id.get(job_id)
        if holding is not None and holding.claim.token == token:
            del self._by_id[job_id]
            self.suspects -= bool(holding.claim.deliveries)
            self.changed.set()

    def tokens(self) -> dict[str, int]:
        """Return the claims that are in hand: id → token."""
        return {job_id: holding.claim.token for job_id, holding in self._by_id.items()}
