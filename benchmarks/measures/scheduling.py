"""aioqueue's schedule: how late its jobs begin, how fast it takes them and lets them go, and how the loop fares."""

from __future__ import annotations

import json
import time
from statistics import median

from benchmarks.failure import PeerFailed
from benchmarks.findings import Found
from benchmarks.places import SCRATCH
from benchmarks.plan import Plan
from benchmarks.stand import Stand
from benchmarks.worker import SAMPLE_SECONDS

MODULE = "aioqueue_scheduling"
SCHEDULE_KEY = "aq:{default}:schedule"
STEPS_A_DEPTH = 20
PROMOTION_SECONDS = 120.0
DRAINED_AFTER = 100_000


def lateness(stand: Stand, plan: Plan) -> Found:
    """`p50`, `p99` and all percentiles of how late scheduled jobs begin at an idle worker, one after another."""
    stand.store.empty()
    with stand.worker("lateness", app=MODULE):
        return stand.ask("lateness", plan.late_jobs, module=MODULE, jobs=plan.late_jobs)


def schedule(stand: Stand, plan: Plan) -> dict[str, float]:
    """`enqueue_N` jobs per second into a schedule of about N; `promote` jobs per second when all are due at once.

    `pause` is the longest of the worker's loop while it promotes, and then drains what it has promoted.
    """
    deepest, heart = plan.schedules[-1], SCRATCH / "heartbeat.json"
    stand.store.empty()
    answer = stand.ask("schedule", deepest, module=MODULE, jobs=deepest)
    found = {f"enqueue_{depth}": _rate_at(depth, answer["step"], answer["seconds"]) for depth in plan.schedules}
    stand.ask("make_due", deepest, module=MODULE)
    with stand.worker("promotion", min(deepest, DRAINED_AFTER), app=MODULE, heartbeat=heart) as worker:
        found["promote"] = _promotion_rate(stand, deepest)
        stand.ask("resume", module=MODULE)
        found["drain"] = worker.rate()
    return {**found, "pause": float(json.loads(heart.read_text())["longest"])}


def _rate_at(depth: int, step: int, seconds: list[float]) -> float:
    """Jobs per second of the last steps that led to this depth."""
    last = depth // step
    return step / median(seconds[max(0, last - STEPS_A_DEPTH) : last])


def _promotion_rate(stand: Stand, jobs: int) -> float:
    """From the first time that some are gone from the schedule to the first time that all are."""
    began, left_then = 0.0, jobs
    deadline = time.perf_counter() + PROMOTION_SECONDS
    while time.perf_counter() < deadline:
        left, now = int(stand.redis.client.zcard(SCHEDULE_KEY)), time.perf_counter()
        if left == jobs:
            began = now
        elif not left:
            return left_then / (now - began)
        time.sleep(SAMPLE_SECONDS)
    raise PeerFailed(f"{left} jobs were still on the schedule after {PROMOTION_SECONDS:.0f} s")
