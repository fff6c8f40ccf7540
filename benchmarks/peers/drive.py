"""Runs one peer's part of a measure, inside the peer's own environment.

    python drive.py PEER work
    python drive.py PEER enqueueing JOBS CALLERS
    python drive.py PEER bulk JOBS TIMES
    python drive.py PEER fill KIND JOBS
    python drive.py PEER round_trips CALLS SECONDS
    python drive.py MODULE FUNCTION [ARGUMENT...]

PEER is a module beside this one with a `caller` (caller.py) and a `work()` that becomes the peer's worker; other
modules have functions of their own. The store is in `BENCH_URL`. All but `work` print one line of JSON.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(name: str, function: str, *arguments: str) -> None:
    """Do what the command line says."""
    module = import_module(name)
    does = getattr(module, function, None) or getattr(module.caller, function)
    answer = does(*map(_value, arguments))
    if answer is not None:
        print(json.dumps(answer))


def _value(argument: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(argument)
        except ValueError:
            pass
    return argument


if __name__ == "__main__":
    main(*sys.argv[1:])
