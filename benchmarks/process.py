"""Child processes that are bounded in time and never outlive the harness.

Each child leads a process group of its own, and the whole group is killed at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.failure import PeerFailed
from benchmarks.places import CHECKOUT


@contextmanager
def running(
    arguments: Sequence[str | Path], *, log: Path, directory: Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the time of the block; what it prints goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=directory,
            env={**_surroundings(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            kill_group(process)


def finish(
    arguments: Sequence[str | Path],
    *,
    log: Path,
    directory: Path,
    timeout: float,
    variables: Mapping[str, str] | None = None,
) -> str:
    """What a process printed until its end.

    Raises PeerFailed when it takes longer than `timeout` seconds or exits with another code than 0.
    """
    with running(arguments, log=log, directory=directory, variables=variables) as process:
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"took longer than {timeout:.0f} s") from None
    if code:
        raise PeerFailed(f"exit code {code}: {reason(log)}")
    return log.read_text(errors="replace")


def finish_with_json(
    arguments: Sequence[str | Path], *, log: Path, directory: Path, timeout: float, variables: Mapping[str, str]
) -> dict[str, Any]:
    """The object on the last line a process printed. Raises as `finish` does."""
    printed = finish(arguments, log=log, directory=directory, timeout=timeout, variables=variables).splitlines()
    try:
        answer: dict[str, Any] = json.loads(printed[-1])
    except (IndexError, ValueError):
        raise PeerFailed(f"it printed no JSON: {reason(log)}") from None
    return answer


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything it started, and collect it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def reason(log: Path) -> str:
    """The last line that speaks of an error, else the last line; short and without a path of this machine."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()] or lines
    line = telling[-1] if telling else "nothing was printed"
    for private in (str(CHECKOUT), str(Path.home())):
        line = line.replace(private, "…")
    return line[:300]


def _surroundings() -> dict[str, str]:
    """The environment without what tells Python to import something else than the peer has installed."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
