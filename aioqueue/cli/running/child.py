"""One supervised worker process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aioqueue.cli.running.again import Life, command_line, directory, environment
from aioqueue.worker.racing import first_of

logger: Final = logging.getLogger("aioqueue")


class Child:
    """A process that does what this command says, in a process group of its own; `changed` is called at its news.

    In the supervisor's group Ctrl-C would reach it twice, once by the terminal, and hand its jobs back.
    """

    def __init__(
        self,
        number: int,
        process: asyncio.subprocess.Process,
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        changed: Callable[[], None],
    ) -> None:
        self.number = number
        self.ready: Final = asyncio.Event()
        self.ended: Final = asyncio.Event()
        self.is_healthy: bool = False
        self.wants_another: bool = False
        self.ready_at: float = time.monotonic()
        self._process = process
        self._line, self._writer = line
        self._changed = changed

    def __str__(self) -> str:
        return f"worker {self.number} (pid {self._process.pid})"

    @property
    def code(self) -> int | None:
        """Its exit code, minus the signal that ended it, None while it runs."""
        return self._process.returncode

    async def started(self) -> bool:
        """Return when it is ready, or has ended before: then False."""
        await first_of(self.ready.wait(), self.ended.wait())
        return self.ready.is_set()

    def stop(self) -> None:
        """Let it end when its running jobs have; called again, have it hand them back at once."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it now, with all that runs in its process group."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def attend(self, interval: float) -> None:
        """Hear its news until it has ended; kill it when its loop has not turned for `interval` seconds, 0 for never.

        That is not watched before it is ready: an import takes what it takes.
        """
        try:
            await first_of(self._listen(interval), self._process.wait())
            if self.code is None:
                logger.error("%s is stuck: its event loop has not turned for %g s; it is killed", self, interval)
                self.kill()
            if await self._process.wait() < 0:
                self.kill()  # its own children, which it could not end
        finally:
            self._writer.close()
            self.is_healthy = False
            self.ended.set()
            self._changed()

    async def _listen(self, interval: float) -> None:
        """Return when the process is stuck: silent for too long, or still there that long after it said goodbye."""
        with suppress(TimeoutError):
            while word := await self._hear(interval):
                self._take(word.decode().strip())
            await (asyncio.sleep(interval) if interval else asyncio.Event().wait())

    async def _hear(self, interval: float) -> bytes:
        """Return the next line, empty at the end of all; `TimeoutError` after `interval` seconds of silence."""
        pause = interval / 2 if interval and self.ready.is_set() else None
        # In two halves, because it may have been this process that stood still: then the second finds what was said.
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                return await self._line.readline()
        async with asyncio.timeout(pause):
            return await self._line.readline()

    def _take(self, word: str) -> None:
        if word == "ready":
            self.ready_at = time.monotonic()
            self.is_healthy = True
            self.ready.set()
        elif word == "again":
            self.wants_another = True
        else:
            was, self.is_healthy = self.is_healthy, word == "beat yes"
            if was == self.is_healthy:
                return
        self._changed()


async def start_child(number: int, *, again: bool, changed: Callable[[], None]) -> Child:
    """Start a process for place `number`; `again` if it is not the first one there. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        line = await asyncio.open_connection(sock=ours)
        try:
            process = await asyncio.create_subprocess_exec(
                *command_line(),
                cwd=directory(),
                env=environment(Life(number, theirs.fileno(), again)),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        except BaseException:
            line[1].close()
            raise
    return Child(number, process, line, changed)
