"""Decides over system calls of other processes, those started by way of `overseen.py`."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

_OVERSEEN: Final = Path(__file__).with_name("overseen.py")

# Of linux/seccomp.h: struct seccomp_notif and seccomp_notif_resp, and the calls that take them.
_QUESTION: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_GO_ON: Final = 1


@dataclass(frozen=True)
class Call:
    """A system call that a thread wants to make on one of its files."""

    thread: int
    arguments: tuple[int, ...]

    @property
    def path(self) -> str:
        """Where the file that the call is about can be opened again."""
        return f"/proc/{self.thread}/fd/{self.arguments[0]}"


# Answers with an error number that the caller gets, 0 if the call is as good as done, None if it is to be made.
Judge: TypeAlias = Callable[[Call], int | None]


@contextmanager
def overseer(calls: Sequence[str], judge: Judge) -> Iterator[list[str]]:
    """Judge these calls for the length of a block; gives the start of a command line that has its calls judged.

    `judge` is called in a thread. What was started so must have ended when the block ends.
    """
    woken, wake = os.pipe()
    with tempfile.TemporaryDirectory(prefix="aioqueue-overseer-") as directory, _listening(f"{directory}/s") as door:
        thread = threading.Thread(target=_serve, args=(door, woken, judge), name="overseer")
        thread.start()
        try:
            yield [sys.executable, "-I", "-S", str(_OVERSEEN), f"{directory}/s", ",".join(calls)]
        finally:
            os.close(wake)
            thread.join()
            os.close(woken)


def _listening(address: str) -> socket.socket:
    door = socket.socket(socket.AF_UNIX)
    door.bind(address)
    door.listen()
    return door


def _serve(door: socket.socket, woken: int, judge: Judge) -> None:
    """Answer every question until woken to end."""
    poll = select.poll()
    for descriptor in (woken, door.fileno()):
        poll.register(descriptor, select.POLLIN)
    with ExitStack() as stack:
        while True:
            for descriptor, event in poll.poll():
                if descriptor == woken:
                    return
                if descriptor == door.fileno():
                    listener = _accept(door)
                    stack.callback(os.close, listener)
                    poll.register(listener, select.POLLIN)
                elif event & select.POLLIN:
                    _answer(descriptor, judge)
                else:  # all processes that could ask are gone
                    poll.unregister(descriptor)


def _accept(door: socket.socket) -> int:
    connection, _ = door.accept()
    with connection:
        _, (listener,), _, _ = socket.recv_fds(connection, 1, 1)
    return listener


def _answer(listener: int, judge: Judge) -> None:
    buffer = bytearray(_QUESTION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
        question, thread, _, _, _, _, *arguments = _QUESTION.unpack(buffer)
        error = judge(Call(thread, tuple(arguments)))
        answer = _ANSWER.pack(question, 0, 0, _GO_ON) if error is None else _ANSWER.pack(question, 0, -error, 0)
        fcntl.ioctl(listener, _SEND, bytearray(answer))
    except OSError as failure:  # whoever asked was killed, or was interrupted and will ask again
        if failure.errno not in (errno.ENOENT, errno.ESRCH):
            raise
