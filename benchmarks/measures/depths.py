"""What a deep queue does to the worker that drains it."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.plan import Plan
from benchmarks.stand import Stand

REST_SECONDS = 1.0
LOOK_SECONDS = 0.25  # looking for a worker's children reads all of /proc, on a core that the worker wants


def depth(stand: Stand, plan: Plan) -> dict[str, float]:
    """For each depth the drain, and the most memory its worker took meanwhile; the shallowest many times over."""
    found: dict[str, float] = {}
    for number, jobs in enumerate(plan.depths):
        times = 1 if number else plan.shallow_drains
        rates, memories = zip(*(_drained(stand, jobs) for _ in range(times)), strict=True)
        found |= {f"{jobs}_drain": median(rates), f"{jobs}_memory": median(memories)}
    return found


def _drained(stand: Stand, jobs: int) -> tuple[float, float]:
    stand.fill(jobs)
    most = 0.0
    with stand.worker("depth", jobs) as worker:
        for _ in worker.samples(LOOK_SECONDS):
            most = max(most, worker.resident())
        time.sleep(REST_SECONDS if jobs > 1_000 else 0.1)
        return worker.rate(), max(most, worker.resident())
