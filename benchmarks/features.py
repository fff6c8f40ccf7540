"""The features whose price in use is measured: each beside the plain drain of the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Feature:
    """One feature, as `peers/aioqueue_features.py` knows it and as the table says it.

    `share` is the part of the jobs that a slow one drains; the events of `listened` jobs are read by another process.
    """

    name: str
    said: str
    share: float = 1.0
    listened: bool = False


PLAIN: Final = Feature("plain", "none")
FEATURES: Final = (
    Feature("retries", "`retries=3, retry_delay=1, retry_backoff=2`, and no job fails"),
    Feature("context", "`context=True`"),
    Feature("unique", "`unique=`, a key for each job"),
    Feature("timeout", "`timeout=60`"),
    Feature("resource", "`@queue.context_task`, an async context manager around the body"),
    Feature("signed", "`MsgpackSerializer(keys=...)`: what is stored is signed"),
    Feature("hooks", "`pre_execute` and `post_execute`, plain functions"),
    Feature("async_hooks", "`pre_execute` and `post_execute`, coroutines"),
    Feature("error_signal", "a handler of the signal `error`, and no job fails"),
    Feature("signals", "a handler of every signal, a plain function"),
    Feature("async_signals", "a handler of every signal, a coroutine"),
    Feature("rate_limit", "`@queue.rate_limit`, never reached", share=0.25),
    Feature("lock", "`@queue.lock_task`, a lock for each job", share=0.1),
    Feature("events", "another process reads `queue.events()`", share=0.25, listened=True),
)
