"""What the signals that a process gets ask of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

from aioqueue.cli.running.again import hold_hangups, let_hangups_in

_TERMINAL: Final = "/dev/tty"
_TURNS_TO_HEAR: Final = 3


def heed_signals(stop: Callable[[], None], renew: Callable[[], None]) -> None:
    """On the running loop have SIGTERM and SIGINT call `stop`, and SIGHUP `renew`.

    SIGHUP is `stop` too where it says that the terminal of this process has been closed, unless `nohup` started it.
    """
    loop = asyncio.get_running_loop()
    began_in_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def hang_up() -> None:
        (stop if began_in_terminal and not _has_terminal() else renew)()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    let_hangups_in()


async def stop_heeding_signals() -> None:
    """Hear those that have come, and then let SIGTERM and SIGINT end this process at once, and SIGHUP wait.

    For when there is nothing left to lose: nobody would hear them while another program takes this one's place.
    """
    for _ in range(_TURNS_TO_HEAR):
        await asyncio.sleep(0)
    hold_hangups()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


def _has_terminal() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
