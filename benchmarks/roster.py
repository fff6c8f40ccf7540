"""Who takes part, and how each was set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Peer:
    """One entry of the table.

    `module` is the file in peers/, `environment` the file in requirements/ (peers may share one). `factor` multiplies
    the jobs of the concurrent enqueue and of the drain, `thread_factor` those of the drain in threads, so that a fast
    peer is not measured in milliseconds. The callers of a `serial` peer are plain functions, so it has no concurrent
    ones. A `limit` is no peer: it is what the same store allows without a task queue; the `server` is what that allows
    a client which does nothing else.
    """

    name: str
    module: str
    environment: str
    store: Literal["redis", "sqlite"]
    distributions: tuple[str, ...]
    setting: str
    factor: int = 1
    thread_factor: int = 1
    serial: bool = False
    role: Literal["peer", "limit", "server"] = "peer"


OURS: Final = "aioqueue"
OURS_ON_SQLITE: Final = "aioqueue-sqlite"
BARE: Final = "bare scripts"
SERVER: Final = "redis-benchmark"

PEERS: Final = (
    Peer(
        name=OURS,
        module="aioqueue_peer",
        environment="aioqueue",
        store="redis",
        distributions=("aioqueue", "redis", "hiredis", "uvloop"),
        setting="`aioqueue worker -c 100`, coroutine task",
        factor=10,
        thread_factor=4,
    ),
    Peer(
        name=BARE,
        module="bare_peer",
        environment="aioqueue",
        store="redis",
        distributions=("aioqueue", "redis", "hiredis", "uvloop"),
        setting="aioqueue's Redis scripts called by hand over one redis-py connection, uvloop, batches of 100",
        factor=10,
        role="limit",
    ),
    Peer(
        name=SERVER,
        module="",
        environment="",
        store="redis",
        distributions=(),
        setting="an empty script on one connection: one by one, and a hundred in one write",
        role="server",
    ),
    Peer(
        name="huey",
        module="huey_redis_peer",
        environment="huey",
        store="redis",
        distributions=("huey", "redis", "hiredis"),
        setting="RedisHuey, one worker thread, defaults; results looked for every 1 ms",
        serial=True,
    ),
    Peer(
        name="huey-notify",
        module="huey_notify_peer",
        environment="huey",
        store="redis",
        distributions=("huey", "redis", "hiredis"),
        setting="RedisHuey, one worker thread, `notify_result=True`: results are pushed",
        serial=True,
    ),
    Peer(
        name="saq",
        module="saq_peer",
        environment="saq",
        store="redis",
        distributions=("saq", "redis", "hiredis", "uvloop"),
        setting="`concurrency=100`, `max_concurrent_ops=100`, uvloop, `job.refresh(until_complete=…)`",
    ),
    Peer(
        name="arq",
        module="arq_peer",
        environment="arq",
        store="redis",
        distributions=("arq", "redis", "hiredis", "uvloop"),
        setting="`max_jobs=100`, `poll_delay` 10 ms in the worker and 1 ms for results, uvloop",
    ),
    Peer(
        name="streaq",
        module="streaq_peer",
        environment="streaq",
        store="redis",
        distributions=("streaq", "coredis", "uvloop"),
        setting="`concurrency=100`, uvloop",
    ),
    Peer(
        name="taskiq",
        module="taskiq_peer",
        environment="taskiq",
        store="redis",
        distributions=("taskiq-redis", "taskiq", "redis", "hiredis", "uvloop"),
        setting="list broker, 100 tasks at a time, 100 prefetched, uvloop, `check_interval=0.001`",
    ),
    Peer(
        name="dramatiq",
        module="dramatiq_peer",
        environment="dramatiq",
        store="redis",
        distributions=("dramatiq", "redis", "hiredis"),
        setting="one process, 32 threads (default 8), results in Redis",
        serial=True,
    ),
    Peer(
        name="celery",
        module="celery_peer",
        environment="celery",
        store="redis",
        distributions=("celery", "kombu", "redis", "hiredis"),
        setting="solo pool, prefetch 100, results in Redis, no gossip, mingle or heartbeat",
        serial=True,
    ),
    Peer(
        name="docket",
        module="docket_peer",
        environment="docket",
        store="redis",
        distributions=("pydocket", "redis", "hiredis", "uvloop"),
        setting="`concurrency=20`, `minimum_check_interval` 1 ms, uvloop",
    ),
    Peer(
        name=OURS_ON_SQLITE,
        module="aioqueue_peer",
        environment="aioqueue",
        store="sqlite",
        distributions=("aioqueue", "uvloop"),
        setting="`aioqueue worker -c 100`, coroutine task, WAL, `synchronous=FULL`",
        factor=4,
    ),
    Peer(
        name="huey-sqlite",
        module="huey_sqlite_peer",
        environment="huey",
        store="sqlite",
        distributions=("huey",),
        setting="SqliteHuey, one worker thread, WAL, `synchronous=FULL`, consumer polls every 10 ms, results 1 ms",
        serial=True,
    ),
)


def chosen(names: tuple[str, ...]) -> tuple[Peer, ...]:
    """The peers of those names, in the roster's order; every peer for no names.

    Raises LookupError naming the first one that is not in the roster.
    """
    known = {peer.name for peer in PEERS}
    for name in names:
        if name not in known:
            raise LookupError(f"no peer called {name!r}; there are {', '.join(sorted(known))}")
    return tuple(peer for peer in PEERS if not names or peer.name in names)
