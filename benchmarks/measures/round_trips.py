"""How long a caller waits for a value: one caller, one worker, two processes."""

from __future__ import annotations

import time

from benchmarks.findings import Found
from benchmarks.plan import Plan
from benchmarks.stand import Stand

REST_SECONDS = 0.5


def round_trip(stand: Stand, plan: Plan) -> Found:
    """`p50`, `p99` and all percentiles of calls, and the worker's memory at rest after them."""
    stand.store.empty()
    with stand.worker("round_trip") as worker:
        answer = stand.ask("round_trips", plan.calls, plan.call_seconds)
        time.sleep(REST_SECONDS)
        return {**answer, "memory": worker.resident()}
