"""Doorbells: datagram sockets beside the file that tell other processes of a commit.

A ring is a hint of one byte. It says that the store is worth a look, so nothing is lost with a ring that does not
arrive but time. Processes that cannot reach each other's sockets, in containers or under other users, live by their
timeouts. Whoever cannot see a bell must therefore not take it down: its friends can. So the name of a bell says in
which folder for temporary files it hangs, and only who sees that very folder without the bell knows that it is gone.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

JOBS: Final = b"j"
RESULTS: Final = b"r"
TOPICS: Final = b"t"
NOTHING: Final = b""

LONGEST_BINDING: Final = 60.0

_MUTE: Final = "mute:"


class Bell:
    """The bell of one driver, rung by others. Where there are no such sockets it is mute, and its driver must poll."""

    def __init__(self) -> None:
        self._socket = _bound_socket(Path(tempfile.gettempdir()))
        self.is_mute: Final = self._socket is None
        self.address: str = self._socket.getsockname() if self._socket else _MUTE + secrets.token_hex(8)

    def listen(self, loop: asyncio.AbstractEventLoop, rung: Callable[[set[bytes]], None]) -> None:
        """Call `rung` on the loop with the kinds of all rings that came in since."""
        if self._socket:
            loop.add_reader(self._socket, self._receive, rung)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop listening and remove the socket; the directory is this user's for all bells, and stays."""
        if self._socket and self._socket.fileno() >= 0 and not loop.is_closed():
            loop.remove_reader(self._socket)
        self.disown()
        if not self.is_mute:
            with suppress(OSError):
                Path(self.address).unlink()

    def disown(self) -> None:
        """Release the socket, and leave the bell to the process that this one was forked from."""
        if self._socket:
            self._socket.close()

    def _receive(self, rung: Callable[[set[bytes]], None]) -> None:
        assert self._socket
        kinds = set()
        with suppress(BlockingIOError):
            while True:
                kinds.add(self._socket.recv(1))
        rung(kinds)


class Ringer:
    """Rings the bells of others, from one thread."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if hasattr(socket, "AF_UNIX") else None
        if self._socket:
            self._socket.setblocking(False)

    def ring(self, address: str, kind: bytes) -> bool:
        """Ring, and tell whether there may be someone; never waits."""
        if self._socket is None or address.startswith(_MUTE):
            return True
        try:
            self._socket.sendto(kind, address)
        except ConnectionRefusedError:
            return False
        except FileNotFoundError:
            return not _is_gone(Path(address))
        except OSError:  # full: others rang already; forbidden: another user's
            return True
        return True

    def close(self) -> None:
        """Release the socket."""
        if self._socket:
            self._socket.close()


def remove_dead(address: str) -> None:
    """Remove what a killed process left of its bell, if it hangs where this user's bells do."""
    socket_file = Path(address)
    if socket_file.parent == _directory(Path(tempfile.gettempdir())):
        with suppress(OSError):
            socket_file.unlink()


def _remove_all_dead(directory: Path) -> None:
    """Remove what killed processes left of their bells, also of those for files that nobody opens any more.

    A socket is bound in two steps: one that nobody is behind and that is still young may be about to be.
    """
    long_ago = time.time() - LONGEST_BINDING
    for bell in directory.iterdir():
        with suppress(OSError):
            if bell.lstat().st_mtime < long_ago and _is_dead(bell):
                bell.unlink()


def _is_dead(bell: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(str(bell))
        except ConnectionRefusedError:
            return bell.is_socket()  # any other file refuses as well
    return False


def _bound_socket(folder: Path) -> socket.socket | None:
    if not hasattr(socket, "AF_UNIX"):
        return None
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    directory = _directory(folder)
    try:
        bell.bind(str(_free_address(directory)))
    except OSError:
        bell.close()
        return None
    _remove_all_dead(directory)
    return bell


def _free_address(directory: Path) -> Path:
    """Return an address below the directory, which is made if it is missing; `OSError` if it could be another's."""
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{directory} is not ours alone")
    return directory / f"{secrets.token_hex(6)}-{_mark(directory.parent)}"


def _mark(folder: Path) -> str:
    """Return what tells a folder from another one of the same name, in another mount namespace or container."""
    status = folder.stat()
    return f"{status.st_dev:x}.{status.st_ino:x}"


def _is_gone(bell: Path) -> bool:
    """Tell whether a bell that is not to be seen would be seen here if it were there."""
    try:
        return bell.name.partition("-")[2] == _mark(bell.parent.parent)
    except OSError:
        return False


def _directory(folder: Path) -> Path:
    """Return the directory for one user's bells, of all files: the same in every process, and short."""
    return folder / f"aioqueue-{os.getuid()}"
