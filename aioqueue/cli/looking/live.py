"""A live view on the terminal: drawn again and again until a key or a signal ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.live import Live

from aioqueue.cli.looking.frame import View
from aioqueue.cli.looking.gathering import look_at_status
from aioqueue.errors import StoreUnavailable
from aioqueue.logtext import one_line
from aioqueue.queue import Queue
from aioqueue.worker.racing import first_of

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def watch(queue: Queue, console: Console, interval: float) -> None:
    """Draw the view every `interval` seconds until somebody leaves; raises `StoreUnavailable` if it never began."""
    view = View()
    view.note(await look_at_status(queue))
    leaving = asyncio.Event()
    with _Screen(console, leaving.set).taken() as live:
        await first_of(leaving.wait(), _draw(queue, view, live, interval))


async def _draw(queue: Queue, view: View, live: Live, interval: float) -> None:
    while True:
        try:
            live.update(view.frame(live.console.width, live.console.height), refresh=True)
        except OSError:
            _write_nowhere()
            return
        await asyncio.sleep(interval)
        try:
            view.note(await look_at_status(queue))
        except StoreUnavailable as error:
            view.trouble = one_line(f"not reachable, trying on: {error}")


class _Screen:
    """The terminal while the view has it: no echo, no cursor, given back at the end and while the job is stopped."""

    def __init__(self, console: Console, leave: Callable[[], None]) -> None:
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._leave = leave
        self._input = _own_input()
        self._modes = termios.tcgetattr(self._input) if self._input >= 0 else []

    @contextmanager
    def taken(self) -> Iterator[Live]:
        loop = asyncio.get_running_loop()
        for number in _ENDS:
            loop.add_signal_handler(number, self._leave)
        loop.add_signal_handler(signal.SIGTSTP, self._stop)
        if self._input >= 0:
            loop.add_reader(self._input, self._hear)
        self._take()
        try:
            yield self._live
        finally:
            self._give_back()
            if self._input >= 0:
                loop.remove_reader(self._input)
                os.close(self._input)
            for number in (*_ENDS, signal.SIGTSTP):
                loop.remove_signal_handler(number)

    def _take(self) -> None:
        if self._input >= 0:
            tty.setcbreak(self._input)
        self._live.start()

    def _give_back(self) -> None:
        # Either fails where the terminal itself is gone.
        with suppress(OSError):
            self._live.stop()
        if self._input >= 0:
            with suppress(termios.error):
                termios.tcsetattr(self._input, termios.TCSADRAIN, self._modes)

    def _hear(self) -> None:
        try:
            keys = os.read(self._input, 100)
        except OSError:
            keys = b""
        if not keys:
            _write_nowhere()
        if not keys or b"q" in keys.lower():
            self._leave()

    def _stop(self) -> None:
        """Be stopped by Ctrl-Z as other programs are; this goes on where it is continued."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()


def _own_input() -> int:
    """Return a descriptor of the terminal for its keys alone, -1 without one.

    A loop makes what it reads from non-blocking. Standard input shares that with standard output, which would fail
    whenever the terminal is slower than the view.
    """
    if not sys.stdin.isatty():
        return -1
    try:
        return os.open(os.ttyname(sys.stdin.fileno()), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return -1


def _write_nowhere() -> None:
    """Drop all that is still written: the terminal is gone, and Python would fail with the rest at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
