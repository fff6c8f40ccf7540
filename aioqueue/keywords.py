"""What calls and declarations take as keywords: for type checkers, who alone read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypedDict

from aioqueue.options import Seconds


class CallOptions(TypedDict, total=False):
    """What one call may override."""

    delay: Seconds
    eta: datetime
    expires: Seconds | datetime
    id: str
    priority: int
    retries: int
    retry_delay: Seconds
    timeout: Seconds | None
    result_ttl: Seconds | None
    unique: str


class TaskOptions(TypedDict, total=False):
    """What a declaration may say."""

    name: str
    retries: int
    retry_delay: Seconds
    retry_backoff: float
    retry_on: tuple[type[BaseException], ...]
    retry_not_on: tuple[type[BaseException], ...]
    priority: int
    expires: Seconds
    timeout: Seconds | None
    results: bool
    result_ttl: Seconds | None
    executor: Literal["thread", "process"]
    at_most_once: bool
    max_deliveries: int
    unique: str | Callable[..., str]
