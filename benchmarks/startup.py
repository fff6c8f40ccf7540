"""How long the command line takes from its start to its end, beside Python itself."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import environments
from benchmarks.places import ENVIRONMENTS, LOGS, SCRATCH
from benchmarks.process import finish
from benchmarks.roster import Peer


def startup(peer: Peer, times: int) -> dict[str, float]:
    """The median seconds of `times` starts each: `python -c pass`, a probe of a pidfile that is held, the bare import,
    and `aioqueue --help`; in turn, so that a slow moment falls on all of them."""
    python = environments.python(peer.environment)
    script = python.parent / "aioqueue"
    with _held_pidfile() as pidfile:
        commands: dict[str, list[str | Path]] = {
            "python": [python, "-c", "pass"],
            "check": [script, "check", "--pidfile", pidfile],
            "import": [python, "-c", "import aioqueue"],
            "help": [script, "--help"],
        }
        rounds = [{name: _seconds(peer, command) for name, command in commands.items()} for _ in range(times)]
    return {name: median(taken[name] for taken in rounds) for name in commands}


@contextmanager
def _held_pidfile() -> Iterator[Path]:
    path = SCRATCH / "probed.pid"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield path
    path.unlink()


def _seconds(peer: Peer, command: list[str | Path]) -> float:
    began = time.perf_counter()
    finish(command, log=LOGS / f"{peer.name}-startup.log", directory=ENVIRONMENTS, timeout=30)
    return time.perf_counter() - began
