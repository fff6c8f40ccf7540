"""Who works on a queue: what workers say of themselves with each renewal of their leases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aioqueue.drivers.base import Lease

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE: Final = Path("/proc/self/ns/pid")


class RunningJob(Struct, frozen=True):
    """A job that runs in a worker, and for how many seconds it had when that was told."""

    id: str
    task: str
    seconds: float


class Announcement(Struct, frozen=True, array_like=True):
    """What an incarnation says of itself, as it travels: new fields are added at the end, with a default.

    Times are Unix seconds by the worker's own clock, `memory` is in bytes, `loop_lag` in seconds.
    """

    name: str
    host: str
    pid: int
    version: str
    started_at: float
    concurrency: int
    zone: str
    stopping: bool = False
    running: Sequence[RunningJob] = ()
    running_count: int = 0
    processed: int = 0
    failed: int = 0
    memory: int = 0
    loop_lag: float = 0.0
    loop_blocks: int = 0
    machine: str = ""


class WorkerInfo(Struct, frozen=True):
    """A worker on one queue, as its last renewal told; `age` is how many seconds ago that was, by the store's clock.

    `lease` is after how many seconds of silence other workers take its jobs over, `zone` the time zone of its schedules
    that name none (empty if it fires none), `running` at most the hundred jobs that have run longest, `running_count`
    all of them. `processed` and `failed` count jobs that ended here, `memory` is the resident size in bytes,
    `loop_lag` for how many seconds its event loop last kept somebody waiting, `loop_blocks` how often it was blocked.
    `machine` is its `this_machine()`.
    """

    id: str
    name: str
    queue: str
    host: str
    pid: int
    version: str
    started_at: datetime
    renewed_at: datetime
    age: float
    lease: float
    concurrency: int
    zone: str
    stopping: bool
    running: list[RunningJob]
    running_count: int
    processed: int
    failed: int
    memory: int
    loop_lag: float
    loop_blocks: int
    machine: str = ""

    @property
    def alive(self) -> bool:
        """Whether it has renewed its lease within the lease's length."""
        return self.age < self.lease

    @property
    def available(self) -> bool:
        """Whether it is alive and claims jobs: not stopping."""
        return self.alive and not self.stopping


def this_machine() -> str:
    """Return what no other start of a machine and no other container has, empty if that cannot be told.

    Where it is the same, a process id means the same process; a host name alone may be that of several containers.
    """
    try:
        return f"{_BOOT.read_text().strip()} {_PID_NAMESPACE.readlink()}"
    except OSError:
        return ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Announcement)


def encode_announcement(announcement: Announcement) -> bytes:
    """Return an announcement as a lease carries it."""
    return _encoder.encode(announcement)


def announced(lease: Lease) -> Announcement | None:
    """Return what a lease's worker says of itself; None if it is not ready to claim, or cannot be read here."""
    try:
        return _decoder.decode(lease.info) if lease.info else None
    except msgspec.MsgspecError:
        return None


def worker_of(lease: Lease, queue: str, now: float) -> WorkerInfo | None:
    """Return the worker that holds a lease, None if it is not ready to claim; `now` is the store's time."""
    said = announced(lease)
    if said is None:
        return None
    return WorkerInfo(
        id=lease.incarnation,
        name=said.name,
        queue=queue,
        host=said.host,
        pid=said.pid,
        version=said.version,
        started_at=datetime.fromtimestamp(said.started_at, UTC),
        renewed_at=datetime.fromtimestamp(lease.renewed_at, UTC),
        age=max(now - lease.renewed_at, 0.0),
        lease=lease.seconds,
        concurrency=said.concurrency,
        zone=said.zone,
        stopping=said.stopping,
        running=list(said.running),
        running_count=said.running_count,
        processed=said.processed,
        failed=said.failed,
        memory=said.memory,
        loop_lag=said.loop_lag,
        loop_blocks=said.loop_blocks,
        machine=said.machine,
    )
