"""The report service on one queue, as processes: the web side and the worker."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.failure import PeerFailed
from benchmarks.places import CHECKOUT, HERE
from benchmarks.process import reason, running

SERVICES = HERE / "load" / "services"
STARTS_WITHIN = 30.0
_RUNNING = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@contextmanager
def serving(module: str, url: str, place: Path, interpreter: str = sys.executable) -> Iterator[str]:
    """Run both for the length of a block, and yield the address of the service.

    What they print goes to `place`, and so do the uploads. Raises PeerFailed if either ends meanwhile.
    """
    variables = {
        "BENCH_URL": url,
        "AIOQUEUE_URL": url,
        "REPORTS_FOLDER": str(place / "uploads"),
        "PYTHONPATH": f"{SERVICES}:{CHECKOUT / 'examples'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    worker = [interpreter, "-P", "-c", f"import {module}; {module}.work()"]
    uvicorn = [interpreter, "-P", "-m", "uvicorn", f"{module}:app", "--port", "0", "--no-access-log"]
    with ExitStack() as stack:
        started = [
            stack.enter_context(_part(name, command, place, variables))
            for name, command in (("worker", worker), ("web", uvicorn))
        ]
        yield _address(place / "web.log", started[1])
        for process, name in zip(started, ("worker", "web"), strict=True):
            if process.poll() is not None:
                raise PeerFailed(f"its {name} ended with exit code {process.returncode}")


@contextmanager
def _part(
    name: str, command: Sequence[str], place: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with running(command, log=place / f"{name}.log", directory=place, variables=variables) as process:
        yield process


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if found := _RUNNING.search(log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise PeerFailed(f"the service did not start: {reason(log)}")
