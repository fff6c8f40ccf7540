"""Commands on a terminal of their own, for what asks or draws."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from typing import Any

from tests.cli.asked import Asked
from tests.cli.processes import ROOT

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OnTerminal:
    """A command with a terminal as its standard input and output."""

    def __init__(self, asked: Asked, *arguments: str, columns: int = 120, lines: int = 30) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.modes_before = termios.tcgetattr(self._master)
        self.raw = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aioqueue", *arguments],
            cwd=asked.directory,
            env={**os.environ, "PYTHONPATH": ROOT, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> OnTerminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, if it has not been closed: the process is not told by a signal."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    @property
    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._master)

    @property
    def shown(self) -> str:
        """All that was written, without colours and movements."""
        return _SEQUENCE.sub("", self.raw)

    def wait_for(self, words: str, seconds: float = 20) -> None:
        """Return when what is written from now on, or has not been waited for yet, has these words or sequence."""
        until = time.monotonic() + seconds
        while words not in (self.raw if words.startswith("\x1b") else self.shown):
            assert time.monotonic() < until and self._read(until), f"never showed {words!r}:\n{self.shown[-3000:]}"
        self.raw = ""

    def wait_until_stopped(self) -> None:
        """Return when the process has stopped itself."""
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def interrupt(self) -> None:
        """Send SIGINT until it is heard: Python may just have begun to read when the first one comes."""
        until = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < until:
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)

    def code(self, seconds: float = 20) -> int:
        """Read to the end and return the exit code."""
        until = time.monotonic() + seconds
        while self._read(until):
            pass
        return self.process.wait(seconds)

    def _read(self, until: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(until - time.monotonic(), 0))
        if not ready:
            return False
        try:
            written = os.read(self._master, 65_536)
        except OSError:  # the other end is closed
            return False
        self.raw += written.decode(errors="replace")
        return bool(written)
