"""Real processes of the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import aioqueue

ROOT = str(Path(aioqueue.__file__).parent.parent)


class Command:
    """One process in a directory of its own, whose words can be waited for."""

    def __init__(self, directory: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.said: list[str] = []
        self._has_ended = False
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": ROOT, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self.said)

    def wait_for(self, words: str, seconds: float = 20, times: int = 1) -> None:
        """Return when the process has said `words` that many times."""
        with self._news:
            heard = self._news.wait_for(lambda: self.output.count(words) >= times or self._has_ended, timeout=seconds)
        assert heard and self.output.count(words) >= times, f"never said {words!r}:\n{self.output}"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def code(self, seconds: float = 20) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        return code

    def workers(self) -> dict[int, list[int]]:
        """Return the process ids that a supervisor has named, by the place of each, in order."""
        places: dict[int, list[int]] = {}
        for place, pid in re.findall(r"worker (\d+) \(pid (\d+)\) started", self.output):
            places.setdefault(int(place), []).append(int(pid))
        return places

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pid in (pid for pids in self.workers().values() for pid in pids):
            with suppress(ProcessLookupError):
                if os.getsid(pid) == os.getsid(0) and os.getpgid(pid) == pid:
                    os.killpg(pid, signal.SIGKILL)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.said.append(line)
                self._news.notify_all()
        with self._news:
            self._has_ended = True
            self._news.notify_all()


class Commands(Protocol):
    """Starts a Python process with these arguments."""

    def __call__(self, *arguments: str, **environment: str) -> Command: ...


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and that nobody has asked for its code does not."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE, text=True, check=False)
    return said.stdout.strip()[:1] not in ("", "Z")
