"""How fast jobs are stored: one by one, by concurrent callers, and many with one call."""

from __future__ import annotations

from typing import Any

from benchmarks.plan import BULK, CALLERS, Plan
from benchmarks.stand import Stand


def one_by_one(stand: Stand, plan: Plan) -> float:
    """One caller, each call awaited before the next."""
    stand.store.empty()
    return _rate(stand.ask("enqueueing", plan.jobs, 1, jobs=plan.jobs))


def by_many_callers(stand: Stand, plan: Plan) -> float:
    """A hundred coroutines of one process, each awaiting its call before its next."""
    stand.store.empty()
    jobs = plan.jobs * stand.peer.factor
    return _rate(stand.ask("enqueueing", jobs, CALLERS, jobs=jobs))


def with_one_call(stand: Stand, plan: Plan) -> float:
    """Ten thousand jobs a call, as the peer offers that."""
    stand.store.empty()
    return _rate(stand.ask("bulk", BULK, plan.bulk_calls, jobs=BULK * plan.bulk_calls))


def _rate(answer: dict[str, Any]) -> float:
    return float(answer["jobs"]) / float(answer["seconds"])
