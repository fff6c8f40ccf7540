"""How long the commands take from the start of their process, beside Python itself."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import environments
from benchmarks.failure import PeerFailed
from benchmarks.places import ENVIRONMENTS, LOGS, PEER_MODULES, SCRATCH
from benchmarks.plan import Plan
from benchmarks.process import finish, running
from benchmarks.stand import Stand

TIMEOUT = 30.0
LIBRARIES = "redis.asyncio, uvloop, msgspec"


def startup(stand: Stand, plan: Plan) -> dict[str, float]:
    """The median seconds above Python's own start, in turn, so that a slow moment falls on all of them.

    `import`, `queue` and `libraries` (those that a worker on Redis cannot do without) until the import is done, `ready`
    until a worker begins to claim; `help` and `check`, the probe of a pidfile that is held, until the process ends.
    """
    stand.store.empty()
    interpreter = environments.python(stand.peer.environment)
    script = interpreter.parent / "aioqueue"
    with _held_pidfile() as pidfile:
        ways: dict[str, tuple[str, Callable[[], float]]] = {
            "python": ("", partial(_until_said, interpreter, "os")),
            "python_whole": ("", partial(_until_end, interpreter, "-c", "pass")),
            "import": ("python", partial(_until_said, interpreter, "os, aioqueue")),
            "queue": ("python", partial(_until_said, interpreter, "os; from aioqueue import Queue")),
            "libraries": ("python", partial(_until_said, interpreter, f"os, {LIBRARIES}")),
            "ready": ("python", partial(_until_ready, script, stand.store.url)),
            "help": ("python_whole", partial(_until_end, script, "--help")),
            "check": ("python_whole", partial(_until_end, script, "check", "--pidfile", pidfile)),
        }
        turns = [{name: start() for name, (_, start) in ways.items()} for _ in range(plan.starts)]
    took = {name: median(turn[name] for turn in turns) for name in ways}
    return {name: took[name] - took.get(base, 0.0) for name, (base, _) in ways.items()}


@contextmanager
def _held_pidfile() -> Iterator[Path]:
    path = SCRATCH / "probed.pid"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield path
    path.unlink()


def _until_end(*command: str | Path) -> float:
    began = time.perf_counter()
    finish(command, log=LOGS / "startup.log", directory=ENVIRONMENTS, timeout=TIMEOUT)
    return time.perf_counter() - began


def _until_said(interpreter: Path, modules: str) -> float:
    """Until Python has imported these, `os` among them, and says so."""
    began = time.perf_counter()
    with subprocess.Popen(
        [interpreter, "-c", f"import {modules}; os.write(1, b'.')"], cwd=ENVIRONMENTS, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read(1)
        took = time.perf_counter() - began
    if not said:
        raise PeerFailed(f"import {modules} failed")
    return took


def _until_ready(script: Path, url: str) -> float:
    """Until a worker tells its supervisor, as systemd would have it, that it begins to claim."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        address = f"{directory}/told"
        told.bind(address)
        told.settimeout(TIMEOUT)
        variables = {"NOTIFY_SOCKET": address, "BENCH_URL": url}
        command: list[str | Path] = [script, "worker", "ready_app:queue", "-q"]
        began = time.perf_counter()
        with running(command, log=LOGS / "startup.log", directory=PEER_MODULES, variables=variables):
            try:
                while b"READY=1" not in told.recv(4_096):
                    pass
            except TimeoutError:
                raise PeerFailed("the worker was never ready") from None
            return time.perf_counter() - began
