"""aioqueue with one feature in use: the no-op job under each, all else as in aioqueue_peer.py.

A feature of the queue, not of a task, is chosen by `BENCH_FEATURE`, or by what `fill` is asked for.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import tally
from caller import BULK, run

from aioqueue import Job, MsgpackSerializer, Queue

FEATURE = os.environ.get("BENCH_FEATURE", "")
KEY = "a key of the benchmark, and no secret"


def made(feature: str) -> Queue:
    """Return a queue with what the feature needs of it, and its task `noop` that is declared with the feature."""
    serializer = MsgpackSerializer(keys=[KEY]) if feature == "signed" else None
    queue = Queue(os.environ["BENCH_URL"], serializer=serializer)
    declared(queue, feature)
    if feature in AROUND:
        AROUND[feature](queue)
    return queue


def declared(queue: Queue, feature: str) -> Any:
    """Declare the task as the feature has it; return the task."""
    if feature == "context":
        return queue.task(name="noop", context=True)(noop_in_context)
    if feature == "resource":
        return queue.context_task(resource, name="noop")(noop)
    if feature == "lock":
        return queue.task(name="noop")(queue.lock_task(key)(noop))
    if feature == "rate_limit":
        return queue.task(name="noop")(queue.rate_limit("noop", 1_000_000, per=1)(noop))
    return queue.task(name="noop", **OPTIONS.get(feature, {}))(noop)
