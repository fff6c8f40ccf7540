"""Doorbells: datagram sockets beside the file that tell other processes of a commit.

A ring is a hint of one byte. It says that the store is worth a look, so nothing is lost with a ring that does not
arrive but time. Processes that cannot reach each other's sockets, in containers or under other users, live by their
timeouts.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

JOBS: Final = b"j"
RESULTS: Final = b"r"
TOPICS: Final = b"t"
NOTHING: Final = b""

_TRIES: Final = 10
_MUTE: Final = "mute:"


class Bell:
    """The bell of one driver, rung by others. Where there are no such sockets it is mute, and its driver must poll."""

    def __init__(self, path: Path) -> None:
        self._socket = _bound_socket(path)
        self.is_mute = self._socket is None
        self.address = self._socket.getsockname() if self._socket else _MUTE + secrets.token_hex(8)

    def listen(self, loop: asyncio.AbstractEventLoop, rung: Callable[[set[bytes]], None]) -> None:
        """Call `rung` on the loop with the kinds of all rings that came in since."""
        if self._socket:
            loop.add_reader(self._socket, self._receive, rung)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop listening and remove the socket and, with the last of them, its directory."""
        if self._socket and self._socket.fileno() >= 0 and not loop.is_closed():
            loop.remove_reader(self._socket)
        self.disown()
        if not self.is_mute:
            _remove(Path(self.address))

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
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # full: others rang already; forbidden: another user's
            return True
        return True

    def close(self) -> None:
        """Release the socket."""
        if self._socket:
            self._socket.close()


def remove_dead(address: str, path: Path) -> None:
    """Remove what a killed process left of its bell, if it hangs where this user's bells of the file do."""
    socket_file = Path(address)
    if socket_file.parent == _directory(path):
        _remove(socket_file)


def _remove(socket_file: Path) -> None:
    with suppress(OSError):
        socket_file.unlink()
    with suppress(OSError):
        socket_file.parent.rmdir()


def _bound_socket(path: Path) -> socket.socket | None:
    if not hasattr(socket, "AF_UNIX"):
        return None
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    for _ in range(_TRIES):
        try:
            bell.bind(str(_free_address(_directory(path))))
        except FileNotFoundError:  # another driver has just removed the directory with its last bell
            continue
        except OSError:
            break
        return bell
    bell.close()
    return None


def _free_address(directory: Path) -> Path:
    """Return an address below the directory, which is made if it is missing; `OSError` if it could be another's."""
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{directory} is not ours alone")
    return directory / secrets.token_hex(6)


def _directory(path: Path) -> Path:
    """Return the directory for one user's bells of one file: the same in every process, and short."""
    key = f"{os.getuid()}:{path.resolve()}"
    return Path(tempfile.gettempdir()) / f"aioqueue-{hashlib.sha256(os.fsencode(key)).hexdigest()[:16]}"
