"""How a worker uses what it is given: jobs at once, and processes."""

from __future__ import annotations

from benchmarks.measures.draining import drained
from benchmarks.plan import Plan
from benchmarks.stand import Stand

NAPS_AT_ONCE = 1_000


def concurrency(stand: Stand, plan: Plan) -> dict[str, float]:
    """The drain of no-op jobs with so many at once."""
    most = plan.jobs * stand.peer.factor
    return {
        str(at_once): drained(stand, min(most, plan.jobs * at_once), concurrency=at_once)
        for at_once in plan.concurrencies
    }


def naps(stand: Stand, plan: Plan) -> dict[str, float]:
    """Jobs that sleep for a second, a thousand at once: `rate` of them, and which `share` that is of the ideal."""
    rate = drained(stand, plan.naps, "nap", concurrency=NAPS_AT_ONCE)
    return {"rate": rate, "share": rate / NAPS_AT_ONCE}


def processes(stand: Stand, plan: Plan) -> dict[str, float]:
    """Jobs per second that take a millisecond of the processor each, in so many worker processes."""
    return {str(number): drained(stand, plan.burns, "burn", processes=number) for number in plan.processes}
