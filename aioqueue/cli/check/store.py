"""Asking a queue's store who works on it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence

import msgspec

from aioqueue.cli.check.report import Finding
from aioqueue.cli.looking.gathering import facts_of_worker
from aioqueue.cli.looking.wording import many
from aioqueue.errors import AioqueueError, ConfigurationError, StoreUnavailable
from aioqueue.presence import WorkerInfo, this_machine
from aioqueue.queue import Queue
from aioqueue.states import JobState

_TRIAL_KEY = "aioqueue.check"


async def look(queue: Queue, *, max_age: float | None, timeout: float, try_writing: bool) -> Finding:
    """Whether a worker claims this queue's jobs and renewed its lease in the last `max_age` seconds.

    Raises `ConfigurationError` if what is there is no store.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _asked(queue, max_age, try_writing=try_writing)
    except TimeoutError:
        return unreachable(f"the store of queue {queue.name!r} did not answer within {timeout:g} s")
    except StoreUnavailable as error:
        return unreachable(str(error))
    finally:
        await queue.close()


def unreachable(reason: str) -> Finding:
    """Return what is to be said of a store that does not answer."""
    return Finding(False, f"cannot tell: {reason}", store_reachable=False, can_enqueue=False, worker_available=False)


async def _asked(queue: Queue, max_age: float | None, *, try_writing: bool) -> Finding:
    workers = await queue.workers()
    counts = await queue.counts()
    paused = await (await queue.session()).driver.is_paused()
    available = [worker for worker in workers if worker.available and (max_age is None or worker.age <= max_age)]
    left = [worker for worker in available if not _is_gone(worker)]
    jobs = f"{counts[JobState.QUEUED]} queued, {counts[JobState.RUNNING]} executing{', paused' if paused else ''}"
    return Finding(
        bool(left),
        f"{_verdict(queue.name, workers, available, left, max_age)} ({jobs})",
        process_running=_has_process(workers),
        store_reachable=True,
        can_enqueue=await _can_write(queue) if try_writing else None,
        worker_available=bool(left),
        paused=paused,
        queued=counts[JobState.QUEUED],
        scheduled=counts[JobState.SCHEDULED],
        executing=counts[JobState.RUNNING],
        workers=msgspec.to_builtins([facts_of_worker(worker) for worker in workers]),
    )


def _verdict(
    name: str,
    workers: Sequence[WorkerInfo],
    available: Sequence[WorkerInfo],
    left: Sequence[WorkerInfo],
    max_age: float | None,
) -> str:
    if left:
        return f"running: {many(len(left), 'worker')} on queue {name!r}"
    if available:
        ends = max(worker.lease - worker.age for worker in available)
        who = "the worker" if len(available) == 1 else f"each of {len(available)} workers"
        return f"not running: {who} on queue {name!r} was killed, its lease ends in {ends:.0f} s"
    return f"not running: {_what_is_wrong(workers, max_age)} on queue {name!r}"


def _what_is_wrong(workers: Sequence[WorkerInfo], max_age: float | None) -> str:
    if not workers:
        return "no worker"
    claiming = [worker for worker in workers if not worker.stopping]
    if not claiming:
        return "only workers that are stopping"
    silent = min(worker.age for worker in claiming)
    limit = "its lease" if max_age is None or silent <= max_age else f"{max_age:g} s"
    return f"the last sign of a worker is {silent:.1f} s old, more than {limit},"


def _has_process(workers: Sequence[WorkerInfo]) -> bool | None:
    """Whether a worker's process is there; None if they all run on other machines."""
    here = [worker for worker in workers if worker.host == socket.gethostname()]
    if workers and not here:
        return None
    return any(_exists(worker.pid) for worker in here)


def _is_gone(worker: WorkerInfo) -> bool:
    """Whether a worker's process is surely there no more: it was on this machine, where this process would see it."""
    return bool(worker.machine) and worker.machine == this_machine() and not _exists(worker.pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


async def _can_write(queue: Queue) -> bool:
    try:
        await queue.kv.put(_TRIAL_KEY, True, ttl=1)
    except ConfigurationError:
        raise
    except AioqueueError:
        return False
    return True
