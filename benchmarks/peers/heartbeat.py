"""How long the event loop of a worker has stood still: the longest time between two beats, beyond the pause they make.

`BENCH_HEARTBEAT` says where to write it; without it no heart beats.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

PAUSE_SECONDS = 0.001
_beating: set[asyncio.Task[None]] = set()


async def start() -> None:
    """Beat for as long as the loop runs, if a heart is asked for."""
    if path := os.environ.get("BENCH_HEARTBEAT"):
        _beating.add(asyncio.create_task(_beat(Path(path))))


async def _beat(path: Path) -> None:
    longest, last = 0.0, time.perf_counter()
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        now = time.perf_counter()
        if now - last - PAUSE_SECONDS > longest:
            longest = now - last - PAUSE_SECONDS
            _write(path, longest)
            now = time.perf_counter()  # the writing is not the worker's
        last = now


def _write(path: Path, longest: float) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps({"longest": longest}))
    draft.replace(path)
