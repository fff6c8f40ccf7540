"""What a feature costs the drain when it is used."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.failure import PeerFailed
from benchmarks.features import FEATURES, PLAIN, Feature
from benchmarks.plan import Plan
from benchmarks.stand import Stand
from benchmarks.worker import SAMPLE_SECONDS

MODULE = "aioqueue_features"
SUBSCRIBE_SECONDS = 10.0
FEATURES_A_PLAIN = 4


def features(stand: Stand, plan: Plan) -> dict[str, float]:
    """Jobs per second of the no-op drain with each feature, and `plain` without; the median of what came in turns.

    `…_processor` are the seconds of processor time that the worker took for a job, which other programs disturb less.

    The plain drain comes again and again among the others, so that a slow moment falls on both sides of a ratio.
    """
    drains: dict[str, list[tuple[float, float]]] = {feature.name: [] for feature in (PLAIN, *FEATURES)}
    for _ in range(plan.feature_turns):
        for place, feature in enumerate(FEATURES):
            if place % FEATURES_A_PLAIN == 0:
                drains[PLAIN.name].append(_drained(stand, plan, PLAIN))
            drains[feature.name].append(_drained(stand, plan, feature))
    found: dict[str, float] = {}
    for name, taken in drains.items():
        rates, processor = zip(*taken, strict=True)
        found |= {name: median(rates), f"{name}_processor": median(processor)}
    return found


def _drained(stand: Stand, plan: Plan, feature: Feature) -> tuple[float, float]:
    jobs = int(plan.feature_jobs * feature.share)
    stand.store.empty()
    stand.ask("fill", feature.name, jobs, module=MODULE, jobs=jobs)
    if not feature.listened:
        return _timed(stand, jobs, feature)
    with stand.beside("listen", module=MODULE):
        _await_subscription(stand)
        return _timed(stand, jobs, feature)


def _timed(stand: Stand, jobs: int, feature: Feature) -> tuple[float, float]:
    with stand.worker("feature", jobs, app=MODULE, feature=feature.name) as worker:
        return worker.rate(), worker.processor()


def _await_subscription(stand: Stand) -> None:
    """Wait until somebody listens: what is told before that is not sent."""
    deadline = time.monotonic() + SUBSCRIBE_SECONDS
    while not stand.redis.client.pubsub_channels():
        if time.monotonic() > deadline:
            raise PeerFailed(f"the listener did not subscribe within {SUBSCRIBE_SECONDS:.0f} s")
        time.sleep(SAMPLE_SECONDS)
