"""How much of what is stored of a job is the job's own."""

from __future__ import annotations

from aioqueue_peer import noop


def payloads(jobs: int) -> dict[str, object]:
    """The bytes of the payloads that `fill` hands to the store for so many no-op jobs, together."""
    return {"bytes": sum(len(noop.s(number).new_job().payload) for number in range(jobs))}
