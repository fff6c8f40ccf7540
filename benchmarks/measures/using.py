"""What a feature costs the drain when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.features import FEATURES, PLAIN, Feature
from benchmarks.plan import Plan
from benchmarks.stand import Stand

MODULE = "aioqueue_features"


def features(stand: Stand, plan: Plan) -> dict[str, float]:
    """Jobs per second of the no-op drain with each feature, and `plain` without; all in turn, the median of turns."""
    turns = [
        {feature.name: _drained(stand, plan, feature) for feature in (PLAIN, *FEATURES)}
        for _ in range(plan.feature_turns)
    ]
    return {name: median(turn[name] for turn in turns) for name in turns[0]}


def _drained(stand: Stand, plan: Plan, feature: Feature) -> float:
    jobs = int(plan.feature_jobs * feature.share)
    stand.store.empty()
    stand.ask("fill", feature.name, jobs, module=MODULE, jobs=jobs)
    with _listener(stand, feature), stand.worker(f"feature-{feature.name}", jobs, app=MODULE, feature=feature.name) as worker:
        return worker.rate()


@contextmanager
def _listener(stand: Stand, feature: Feature) -> Iterator[None]:
    """A process that reads the events, if this feature is that one."""
    if not feature.listened:
        yield
        return
    with stand.beside("listen", module=MODULE):
        yield
