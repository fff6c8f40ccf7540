"""What systemd is told of a service of `Type=notify`; nothing where it did not ask."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

from msgspec import Struct

ASKED_BY: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Systemd(Struct, frozen=True):
    """The socket that systemd listens on, and every how many seconds it expects a sign of life; 0 for never."""

    address: str = ""
    watchdog: float = 0.0

    def tell(self, *facts: str) -> None:
        """Send `READY=1`, `STATUS=…` and alike, in one datagram; whoever does not listen misses it."""
        if not self.address:
            return
        # A leading @ stands for the zero byte of Linux' abstract sockets, which no file belongs to.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as there:
            there.setblocking(False)
            there.sendto("\n".join(facts).encode(), address)

    def tell_reloading(self) -> None:
        """Say that it starts anew in place, until the next `READY=1`."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    async def keep_alive(self) -> None:
        """Give signs of life, twice as often as expected, for as long as the loop turns; never returns."""
        while self.watchdog:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)
        await asyncio.Event().wait()


def systemd_asking(environment: MutableMapping[str, str]) -> Systemd:
    """Return what systemd asks for in `environment`, and take it out: programs started from here are not meant."""
    address, usec, pid = (environment.pop(name, "") for name in ASKED_BY)
    is_meant = pid in ("", str(os.getpid()))
    watchdog = int(usec) / 1_000_000 if usec.isdecimal() and is_meant else 0.0
    return Systemd(address if address.startswith(("/", "@")) else "", watchdog)
