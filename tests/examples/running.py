"""Examples run as their readers run them: real processes, on the aioqueue that is under test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
PATIENCE = 120
# anyio kills its children twice when a loop ends; the second time may take a child's end from asyncio 3.12's watcher.
WATCHED_IN_VAIN = re.compile(r"child process pid \d+ exit status already read: .*\n")


def run_example(name: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    return run_script(EXAMPLES / name, *arguments, cwd=cwd, **environment)


def run_script(script: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script to its end. -P keeps its directory off the path, where a checkout could hide the package."""
    command = [sys.executable, "-P", str(script), *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment_of(**environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def interruptible_example(name: str, *arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start an example as a terminal does, in a process group of its own, with its stderr to be read."""
    command = [sys.executable, "-P", str(EXAMPLES / name), *arguments]
    process = subprocess.Popen(
        command, cwd=cwd, env=environment_of(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def running_worker(app: str, url: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `aioqueue worker` for the length of a block; it must end by itself when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "aioqueue", "worker", app],
        cwd=cwd,
        env=environment_of(AIOQUEUE_URL=url, **environment),
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def environment_of(**more: str) -> dict[str, str]:
    """Return the environment of an example: ours, but for the store, and with warnings shown."""
    inherited = {name: value for name, value in os.environ.items() if name != "AIOQUEUE_URL"}
    return {**inherited, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "default", **more}
