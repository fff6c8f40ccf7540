"""Worker processes that a test starts, kills, freezes and stops."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tests.faults.receipts import WorkerKilled, write
from tests.faults.worker import Orders

ROOT: Final = Path(__file__).parents[2]
ENDS_WITHIN: Final = 20.0

# -P keeps the checkout from going before an installed aioqueue; appended, it only adds the tests.
_PYTHON: Final = (sys.executable, "-P", "-W", "error", "-c")
_WITH_TESTS: Final = "import sys; sys.path.append(sys.argv.pop(1)); "
_COMMAND: Final = (*_PYTHON, _WITH_TESTS + "from aioqueue.cli.main import main; main()", str(ROOT), "worker")


class Process:
    """One process with its log."""

    def __init__(self, arguments: Sequence[str], directory: Path, receipts: Path) -> None:
        self._receipts = receipts
        self._log = directory / f"worker-{len(list(directory.glob('worker-*.log')))}.log"
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(arguments, cwd=directory, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._popen.pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def kill(self) -> None:
        """Kill it with SIGKILL, in whatever state it is; returns when it is gone."""
        write(self._receipts, WorkerKilled(pid=self.pid))
        self._popen.kill()
        self._popen.wait()

    def freeze(self) -> None:
        """Stop its threads where they are."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM)."""
        self._popen.terminate()

    def interrupt(self) -> None:
        """Ask it to stop (SIGINT)."""
        self._popen.send_signal(signal.SIGINT)

    async def ended(self) -> int:
        """Wait for its end and return its exit code; `TimeoutExpired` if it does not end."""
        return await asyncio.to_thread(self._popen.wait, ENDS_WITHIN)

    def clear_away(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.is_alive:
            self._popen.kill()
            self._popen.wait()


def start_worker(orders: Orders, directory: Path) -> Process:
    """Start a worker that takes its orders from the test."""
    return start_program("tests.faults.worker", orders, directory, Path(orders.receipts), orders.release)


def start_program(module: str, orders: Struct, directory: Path, receipts: Path, release: str = "") -> Process:
    """Start the `main` of a module of these tests, which takes its orders as JSON.

    `release` is a directory with another aioqueue, which it runs on instead of this one.
    """
    program = _WITH_TESTS + f"from {module} import main; main(sys.argv[1])"
    if release:
        program = f"import sys; sys.path.insert(0, {release!r}); {program}"
    arguments = [*_PYTHON, program, str(ROOT), msgspec.json.encode(orders).decode()]
    return Process(arguments, directory, receipts)


def start_command(orders: Orders, directory: Path) -> Process:
    """Start `aioqueue worker` as users do; its lease is the default one."""
    (directory / "shop.py").write_text(
        "from pathlib import Path\n"
        "from tests.faults.application import application\n"
        f"queue = application({orders.url!r}, {orders.name!r}, Path({orders.receipts!r})).queue\n"
    )
    options = ["--concurrency", str(orders.concurrency), "--shutdown-timeout", str(orders.shutdown_timeout)]
    return Process([*_COMMAND, "shop:queue", *options], directory, Path(orders.receipts))
