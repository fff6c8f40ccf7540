"""Runs one peer's part, inside the peer's own environment.

    python drive.py PEER worker
    python drive.py PEER enqueue JOBS

PEER is a module beside this one: a `work()` that becomes the peer's worker, and an `enqueue(number, seconds, what)`, a
coroutine within `session()` or a plain function. JOBS is a JSON list of [number, seconds, what]. What was acknowledged
has a receipt. The store is in `FAULTS_URL`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from receipts import write


def main(name: str, deed: str, *arguments: str) -> None:
    """Do what the command line says."""
    peer = import_module(name)
    if deed == "worker":
        peer.work()
        return
    (jobs,) = arguments
    if hasattr(peer, "session"):
        asyncio.run(_enqueue_all(peer, json.loads(jobs)))
    else:
        for job in json.loads(jobs):
            peer.enqueue(*job)
            write("enqueued", job[0])


async def _enqueue_all(peer: ModuleType, jobs: list[Any]) -> None:
    async with peer.session():
        for job in jobs:
            await peer.enqueue(*job)
            write("enqueued", job[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
