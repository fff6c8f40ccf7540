"""How fast a worker empties a full queue, from the body of its first job to that of its last."""

from __future__ import annotations

from benchmarks.plan import THREADS, Plan
from benchmarks.stand import Stand


def drain(stand: Stand, plan: Plan) -> float:
    """The no-op job, a coroutine where the peer has them, a hundred at once."""
    return drained(stand, plan.jobs * stand.peer.factor)


def in_threads(stand: Stand, plan: Plan) -> float:
    """The no-op job as a plain function, in as many threads for everybody."""
    return drained(stand, plan.jobs * stand.peer.thread_factor, "plain", threads=THREADS)


def with_payload(stand: Stand, plan: Plan) -> dict[str, float]:
    """A job with so many bytes of text for its argument, which answers how long that is."""
    return {str(size): drained(stand, jobs, f"payload-{size}") for size, jobs in plan.payloads}


def drained(stand: Stand, jobs: int, kind: str = "noop", **settings: object) -> float:
    """Jobs per second of one drain of `jobs` jobs of a kind."""
    stand.fill(jobs, kind)
    with stand.worker("drain", jobs, **settings) as worker:
        return worker.rate()
