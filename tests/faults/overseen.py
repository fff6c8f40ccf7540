"""`overseen.py SOCKET CALLS COMMAND...`: starts a command that asks for leave before it makes certain system calls.

The kernel holds up each of these calls, of the command and of all that it starts, and asks whoever listens at SOCKET
what is to become of it, through the listener of a seccomp filter (seccomp_unotify(2), Linux 5.5). That needs neither
root nor a compiler, and does not care how the command was linked.
"""

from __future__ import annotations

import array
import ctypes
import os
import platform
import socket
import struct
import sys

# How the calls are numbered, and what the kernel calls the machine (linux/audit.h).
_MACHINES = {
    "x86_64": ({"seccomp": 317, "fsync": 74, "fdatasync": 75, "pwrite64": 18}, 0xC000003E),
    "aarch64": ({"seccomp": 277, "fsync": 82, "fdatasync": 83, "pwrite64": 68}, 0xC00000B7),
}

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _FLAG_NEW_LISTENER = 1, 1 << 3
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # where they are in struct seccomp_data


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def main() -> None:
    """Have the calls of this process put before the listener, and become the command."""
    address, calls, *command = sys.argv[1:]
    listener = _listener(calls.split(","))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    os.close(listener)
    os.execvp(command[0], command)


def _listener(calls: list[str]) -> int:
    """Install the filter and return the descriptor where the kernel asks."""
    numbers, architecture = _MACHINES[platform.machine()]
    asks = [
        _step(_JUMP_IF_EQUAL, numbers[call], yes=left)
        for left, call in zip(range(len(calls), 0, -1), calls, strict=True)
    ]
    steps = (
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_IF_EQUAL, architecture, no=1 + len(asks)),
        _step(_LOAD, _NUMBER),
        *asks,
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ASK),
    )
    program = _Program(len(steps), b"".join(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener: int = libc.syscall(numbers["seccomp"], _SET_MODE_FILTER, _FLAG_NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter with a listener")
    return listener


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction of the filter; `yes` and `no` are how many instructions a jump leaps over."""
    return struct.pack("=HBBI", code, yes, no, value)


if __name__ == "__main__":
    main()
