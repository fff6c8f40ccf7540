"""A peer's worker while it runs: what it takes of the machine, and the tally that it writes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.failure import PeerFailed

SAMPLE_SECONDS = 0.02


class Worker:
    """The worker's process, with every process that it started."""

    def __init__(self, process: subprocess.Popen[bytes], tally: Path, timeout: float) -> None:
        self._process = process
        self._tally = tally
        self._timeout = timeout

    def rate(self) -> float:
        """Jobs per second, when all of them have been run."""
        for _ in self.samples():
            pass
        tally = self.tally()
        return float(tally["jobs"]) / float(tally["seconds"])

    def processor(self) -> float:
        """Seconds of processor time that a job took of the worker, when all of them have been run."""
        tally = self.tally()
        return float(tally["processor"]) / float(tally["jobs"])

    def samples(self, every: float = SAMPLE_SECONDS) -> Iterator[None]:
        """One turn every so many seconds until the tally is there. A worker that ended or is late is a failure."""
        deadline = time.monotonic() + self._timeout
        while not self._tally.exists():
            if self._process.poll() is not None:
                raise PeerFailed(f"its worker ended with exit code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise PeerFailed(f"it did not finish within {self._timeout:.0f} s")
            yield
            time.sleep(every)

    def tally(self) -> dict[str, Any]:
        """What it has written."""
        written: dict[str, Any] = json.loads(self._tally.read_text())
        return written

    def resident(self) -> float:
        """Resident bytes of all its processes."""
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def processor_seconds(self) -> float:
        """What all its processes have used of the processor."""
        times = [process.cpu_times() for process in self._family()]
        return float(sum(used.user + used.system for used in times))

    def _family(self) -> list[psutil.Process]:
        try:
            leader = psutil.Process(self._process.pid)
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise PeerFailed("its worker is gone") from None
