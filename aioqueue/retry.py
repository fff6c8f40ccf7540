"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Iterator

LONGEST_DELAY = 86_400.0


def delay_before_retry(tries: int, base: float, backoff: float) -> float:
    """Return the seconds to wait after the `tries`-th failed try (1 is the first).

    `base` is multiplied by `backoff` after every try, up to a day. Where it grows, up to a quarter is taken off at
    random, so that jobs that failed together do not come back together.
    """
    if base <= 0 or backoff <= 1:
        return max(base, 0.0)
    exponent = min(tries - 1, 1_000)
    try:
        delay = base * backoff**exponent
    except OverflowError:
        delay = LONGEST_DELAY
    return min(delay, LONGEST_DELAY) * random.uniform(0.75, 1.0)  # noqa: S311 -- jitter needs no secrecy


def reconnect_delays(first: float = 0.05, longest: float = 2.0) -> Iterator[float]:
    """Yield the seconds to wait between attempts to reach a store: doubling up to `longest`, with jitter, for ever."""
    delay = first
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311
        delay = min(delay * 2, longest)
