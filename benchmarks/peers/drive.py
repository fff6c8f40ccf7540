"""Runs one peer's part of a measure, inside the peer's own environment.

    python drive.py PEER worker
    python drive.py PEER enqueue JOBS CALLERS
    python drive.py PEER roundtrip CALLS SECONDS
    python drive.py PEER lateness JOBS (of those that have it)
    python drive.py PEER schedule JOBS (of those that have it)

PEER is a module beside this one with a `caller` (caller.py) and a `work()` that becomes the peer's worker. The store is
in `BENCH_URL`. All but `worker` print one line of JSON.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(name: str, measure: str, *arguments: str) -> None:
    """Do what the command line says."""
    peer = import_module(name)
    if measure == "worker":
        peer.work()
    elif measure == "enqueue":
        jobs, callers = arguments
        print(json.dumps(peer.caller.enqueueing(int(jobs), int(callers))))
    elif measure == "lateness":
        (jobs,) = arguments
        print(json.dumps(peer.lateness(int(jobs))))
    elif measure == "schedule":
        (jobs,) = arguments
        print(json.dumps(peer.schedule(int(jobs))))
    elif measure == "roundtrip":
        calls, seconds = arguments
        print(json.dumps(peer.caller.round_trips(int(calls), float(seconds))))
    else:
        raise SystemExit(f"no measure called {measure}")


if __name__ == "__main__":
    main(*sys.argv[1:])
