"""What a worker takes that has nothing to do."""

from __future__ import annotations

import time

from benchmarks.monitor import commands_by_clients
from benchmarks.plan import Plan
from benchmarks.stand import Stand
from benchmarks.stores import RedisStore

SETTLE_SECONDS = 5.0


def idle(stand: Stand, plan: Plan) -> dict[str, float]:
    """Per second, with an empty queue. `processor` is a share of one core, `memory` what the worker takes.

    On Redis `sent` counts the commands that clients send, `executed` also those that scripts run.
    """
    stand.store.empty()
    return _resting(stand, plan.idle_seconds)


def idle_scheduled(stand: Stand, plan: Plan) -> dict[str, float]:
    """The same with the deepest schedule, of which nothing is due for days."""
    stand.store.empty()
    stand.ask("schedule", plan.schedules[-1], module="aioqueue_scheduling", jobs=plan.schedules[-1])
    return _resting(stand, plan.idle_seconds)


def _resting(stand: Stand, seconds: float) -> dict[str, float]:
    with stand.worker("idle") as worker:
        stand.ask("round_trips", 1, 1.0)
        time.sleep(SETTLE_SECONDS)
        used = worker.processor_seconds()
        commands = _commands(stand.store, seconds) if isinstance(stand.store, RedisStore) else _nothing(seconds)
        used = worker.processor_seconds() - used
        return {**commands, "processor": used / seconds, "memory": worker.resident()}


def _commands(store: RedisStore, seconds: float) -> dict[str, float]:
    executed = _executed(store)
    sent = commands_by_clients(store.port, seconds)
    return {"sent": sum(sent.values()) / seconds, "executed": (_executed(store) - executed) / seconds}


def _nothing(seconds: float) -> dict[str, float]:
    time.sleep(seconds)
    return {}


def _executed(store: RedisStore) -> int:
    """Commands Redis has executed, its looking at this figure aside."""
    statistics = store.client.info("commandstats")
    looking = {"cmdstat_info", "cmdstat_monitor"}
    return sum(entry["calls"] for command, entry in statistics.items() if command not in looking)
