"""What the server answers to a client that does nothing else: `redis-benchmark`, where it is installed.

An empty script stands where aioqueue's scripts do their work.
"""

from __future__ import annotations

import csv
import shutil

from benchmarks.failure import PeerFailed
from benchmarks.places import LOGS, SCRATCH
from benchmarks.plan import CALLERS, Plan
from benchmarks.process import finish
from benchmarks.stand import Stand

EMPTY_SCRIPT = "return 1"


def scripts_one_by_one(stand: Stand, plan: Plan) -> float:
    """Calls per second of an empty script, on one connection."""
    return _rate(stand, plan.jobs * 4, 1, _call_of_empty_script(stand))


def scripts_pipelined(stand: Stand, plan: Plan) -> float:
    """The same, a hundred in one write."""
    return _rate(stand, plan.jobs * 40, CALLERS, _call_of_empty_script(stand))


def ping(stand: Stand, plan: Plan) -> dict[str, float]:
    """PING, `one` by one and a hundred in one write."""
    return {
        "one": _rate(stand, plan.jobs * 4, 1, ("PING",)),
        "pipelined": _rate(stand, plan.jobs * 40, CALLERS, ("PING",)),
    }


def _call_of_empty_script(stand: Stand) -> tuple[str, ...]:
    return ("EVALSHA", str(stand.redis.client.script_load(EMPTY_SCRIPT)), "0")


def _rate(stand: Stand, requests: int, at_once: int, command: tuple[str, ...]) -> float:
    tool = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if not tool:
        raise PeerFailed("redis-benchmark is not installed")
    options = ["-h", "127.0.0.1", "-p", str(stand.redis.port), "-c", "1", "-P", str(at_once), "-n", str(requests)]
    arguments = [tool, *options, "--csv", *command]
    printed = finish(arguments, log=LOGS / "redis-benchmark.log", directory=SCRATCH, timeout=120)
    rows = [row for row in csv.reader(printed.splitlines()) if len(row) > 1]
    return float(rows[-1][1])
