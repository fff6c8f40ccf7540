"""What is measured of a peer; each function is one measure, run against an empty store.

Rates are jobs per second, times seconds, memory bytes. Each raises PeerFailed with the reason when it cannot be taken.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks import environments
from benchmarks.failure import PeerFailed
from benchmarks.monitor import commands_by_clients
from benchmarks.places import LOGS, PEER_MODULES, SCRATCH
from benchmarks.process import finish_with_json, reason, running
from benchmarks.roster import Peer
from benchmarks.stores import RedisStore, Store

SETTLE_SECONDS = 5.0
SAMPLE_SECONDS = 0.05


def enqueue(peer: Peer, store: Store, jobs: int, callers: int) -> float:
    """Jobs per second that `callers` concurrent callers of one process enqueue; the jobs stay in the store."""
    store.empty()
    answer = _drive(peer, store, "enqueue", jobs, callers, timeout=60 + jobs / 100)
    return float(answer["jobs"]) / float(answer["seconds"])


def drain(peer: Peer, store: Store, jobs: int) -> float:
    """Jobs per second that one worker process runs of those in the store, from its first to the last."""
    with _worker(peer, store, "drain", jobs) as (worker, tally):
        _await_file(tally, worker, peer, timeout=60 + jobs / 100)
    answer = json.loads(tally.read_text())
    return float(answer["jobs"]) / float(answer["seconds"])


def round_trip(peer: Peer, store: Store, calls: int, seconds: float) -> dict[str, float]:
    """`p50` and `p99` of up to `calls` calls in at most `seconds`, and the worker's memory at rest after them."""
    store.empty()
    with _worker(peer, store, "roundtrip") as (worker, _):
        answer = _drive(peer, store, "roundtrip", calls, seconds, timeout=60 + seconds)
        time.sleep(0.5)
        memory = _resident(worker)
    return {"p50": answer["p50"], "p99": answer["p99"], "calls": answer["calls"], "memory": memory}


def lateness(peer: Peer, store: Store, jobs: int) -> dict[str, float]:
    """`p50` and `p99` of how late scheduled jobs begin at an idle worker, one after another, in seconds."""
    store.empty()
    with _worker(peer, store, "lateness"):
        answer = _drive(peer, store, "lateness", jobs, timeout=60 + jobs)
    return {"p50": answer["p50"], "p99": answer["p99"]}


def idleness(peer: Peer, store: RedisStore, seconds: float, scheduled: int = 0) -> dict[str, float]:
    """What an idle worker asks of Redis and of the processor, per second of `seconds`, `scheduled` jobs being far away.

    `sent` counts the commands clients send, `executed` also those that scripts run; `processor` is a share of one core,
    `memory` what the worker takes.
    """
    store.empty()
    if scheduled:
        _drive(peer, store, "schedule", scheduled, timeout=60 + scheduled / 2_000)
    with _worker(peer, store, "idle") as (worker, _):
        _drive(peer, store, "roundtrip", 1, 1.0, timeout=60)
        time.sleep(SETTLE_SECONDS)
        executed, used = _executed(store), _processor_seconds(worker)
        sent = commands_by_clients(store.port, seconds)
        executed, used = _executed(store) - executed, _processor_seconds(worker) - used
        memory = _resident(worker)
    rates = {"sent": sum(sent.values()), "executed": executed, "processor": used}
    return {**{name: amount / seconds for name, amount in rates.items()}, "memory": memory}


def depth(peer: Peer, store: Store, jobs: int) -> dict[str, float]:
    """The drain with `jobs` in the queue, and the most memory its worker took meanwhile."""
    store.empty()
    _drive(peer, store, "enqueue", jobs, 100, timeout=60 + jobs / 2_000)
    most = 0.0
    with _worker(peer, store, "depth", jobs) as (worker, tally):
        for _ in _waiting_for(tally, worker, peer, timeout=60 + jobs / 2_000):
            most = max(most, _resident(worker))
        time.sleep(1)
        most = max(most, _resident(worker))
    answer = json.loads(tally.read_text())
    return {"drain": float(answer["jobs"]) / float(answer["seconds"]), "memory": most}


def _drive(peer: Peer, store: Store, measure: str, *arguments: float, timeout: float) -> dict[str, Any]:
    """What the peer's caller side answers."""
    return finish_with_json(
        _command(peer, measure, *arguments),
        log=LOGS / f"{peer.name}-{measure}.log",
        directory=PEER_MODULES,
        timeout=timeout,
        variables={"BENCH_URL": store.url},
    )


@contextmanager
def _worker(peer: Peer, store: Store, why: str, jobs: int = 0) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The peer's worker for the time of the block, and where it writes its tally after `jobs` jobs."""
    tally = SCRATCH / f"{peer.name}-tally.json"
    tally.unlink(missing_ok=True)
    variables = {"BENCH_URL": store.url, "BENCH_JOBS": str(jobs), "BENCH_TALLY": str(tally)}
    log = LOGS / f"{peer.name}-worker-{why}.log"
    with running(_command(peer, "worker"), log=log, directory=PEER_MODULES, variables=variables) as worker:
        try:
            yield worker, tally
        except PeerFailed:
            if worker.poll() is None:
                raise
        if worker.poll() is not None:
            raise PeerFailed(f"its worker ended with exit code {worker.returncode}: {reason(log)}")


def _command(peer: Peer, measure: str, *arguments: float) -> list[str]:
    interpreter = str(environments.python(peer.environment))
    return [interpreter, "drive.py", peer.module, measure, *map(str, arguments)]


def _await_file(path: Path, worker: subprocess.Popen[bytes], peer: Peer, timeout: float) -> None:
    for _ in _waiting_for(path, worker, peer, timeout):
        pass


def _waiting_for(path: Path, worker: subprocess.Popen[bytes], peer: Peer, timeout: float) -> Iterator[None]:
    """One turn every `SAMPLE_SECONDS` until the file is there; a worker that ended or is late is a failure."""
    deadline = time.monotonic() + timeout
    while not path.exists():
        if worker.poll() is not None:
            raise PeerFailed(f"its worker ended with exit code {worker.returncode}")
        if time.monotonic() > deadline:
            raise PeerFailed(f"{peer.name} did not finish within {timeout:.0f} s")
        yield
        time.sleep(SAMPLE_SECONDS)


def _family(worker: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        leader = psutil.Process(worker.pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        raise PeerFailed("its worker is gone") from None


def _resident(worker: subprocess.Popen[bytes]) -> float:
    """Resident bytes of the worker and of every process it started."""
    total = 0.0
    for process in _family(worker):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def _processor_seconds(worker: subprocess.Popen[bytes]) -> float:
    times = [process.cpu_times() for process in _family(worker)]
    return float(sum(time.user + time.system for time in times))


def _executed(store: RedisStore) -> int:
    """Commands Redis has executed, its looking at this figure aside."""
    statistics = store.client.info("commandstats")
    looking = {"cmdstat_info", "cmdstat_monitor"}
    return sum(entry["calls"] for command, entry in statistics.items() if command not in looking)
