"""A pidfile that a living process holds by `flock`: the lock says who runs, whatever the file says.

The system drops the lock with the process, however that ends, so a file that a killed worker left behind stops nobody.
Standard library only, and little of it: a probe imports this and costs hardly more than Python's own start.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from io import FileIO

# A probe holds a shared lock for an instant; a worker that starts just then waits for it to go.
_PATIENCE = 1.0
_LONGEST_PID = 20
INHERITED_BY = "AIOQUEUE_HELD_PIDFILE"


class PidFileLocked(Exception):  # noqa: N818 -- says what is so, as do all errors here
    """Another process holds the pidfile; `pid` is the one written in it, 0 if it has not written any yet."""

    def __init__(self, path: str, pid: int) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"pidfile {path} is held by {holder}: stop that one, or use another pidfile")
        self.path = path
        self.pid = pid


class PidFileUnusable(OSError):  # noqa: N818
    """The file cannot be opened, created or locked, or is no pidfile; the message is one sentence naming it."""


class PidFile:
    """The pidfile of this process, held from `acquire` until `release` or the end of the process, and not by its forks.

    The file at `path` is never overwritten if it holds anything but a process id.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.path.abspath(path)
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock and write this process's id; harmless if held already, by this object or before an `execv`.

        Raises `PidFileLocked`, and `PidFileUnusable` saying why.
        """
        if self._fd is not None:
            return
        try:
            self._fd = _owned(self.path)
        except OSError as error:
            raise _unusable(self.path, error) from None
        os.register_at_fork(after_in_child=self._leave_to_parent)

    def keep_over_exec(self) -> None:
        """Let the lock outlive `os.execv`: this same process, begun anew, finds it held by its own `acquire`."""
        if self._fd is not None:
            os.set_inheritable(self._fd, True)
            os.environ[INHERITED_BY] = str(self._fd)

    def release(self) -> None:
        """Remove the file, if it is still the one that was locked, and drop the lock; harmless if not held."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            if _is_at(fd, self.path):
                _remove(fd, self.path)
        finally:
            os.close(fd)

    def _leave_to_parent(self) -> None:
        # A fork shares the lock: it would keep it alive when this process has been killed.
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def holder(path: str | os.PathLike[str]) -> int | None:
    """Return the id of the process that holds a pidfile, None if nobody does; 0 if it has not written its id yet.

    Raises `PidFileUnusable` if the file cannot be looked at.
    """
    try:
        with _open_to_look(path) as file:
            fd = file.fileno()
            _refuse_special(fd)
            if not _try(fd, fcntl.LOCK_SH):
                return _written(fd) or 0
            is_current = _is_at(fd, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    return None if is_current else holder(path)


def left_behind(path: str | os.PathLike[str]) -> int | None:
    """Return the id written in a pidfile, whether that process lives or not; None if there is none to be read."""
    try:
        with _open_to_look(path) as file:
            return _written(file.fileno())
    except OSError:
        return None


# ---------------------------------------------------------------------- the file
def _owned(path: str) -> int:
    """Return a descriptor that holds the lock, of a file with this process's id in it."""
    fd = _inherited(path)
    if fd is None:
        fd = _lock_file(path)
    try:
        if _is_foreign(fd):
            raise OSError(0, "something else than a process id is in it, and is left alone")
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lock_file(path: str) -> int:
    """Return a descriptor that holds the lock of the file which is at `path` now."""
    while True:
        # NOFOLLOW: in a directory that all may write to, a link could have this file's owner overwrite another.
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        try:
            _refuse_special(fd)
            if not _lock(fd):
                raise PidFileLocked(path, _written(fd) or 0)
            if _is_at(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _inherited(path: str) -> int | None:
    """Return the descriptor that held the lock before `os.execv`, if it is that of the file at `path`."""
    said = os.environ.pop(INHERITED_BY, "")
    if not said.isdecimal():
        return None
    fd = int(said)
    try:
        if not _is_at(fd, path) or not _try(fd, fcntl.LOCK_EX):
            return None
        os.set_inheritable(fd, False)
    except (OSError, OverflowError):
        return None
    return fd


def _open_to_look(path: str | os.PathLike[str]) -> FileIO:
    # NONBLOCK: to open a named pipe would wait for its writer.
    return FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _refuse_special(fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(0, "it is no regular file")


def _is_at(fd: int, path: str | os.PathLike[str]) -> bool:
    """Whether an open file is the one at `path`: it may have been removed or replaced since."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)


def _is_foreign(fd: int) -> bool:
    """Whether anything but a process id is in an open file."""
    return bool(os.pread(fd, _LONGEST_PID + 1, 0).strip()) and _written(fd) is None


def _remove(fd: int, path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # a directory in which only root may: an empty file says as much
        os.ftruncate(fd, 0)


def _written(fd: int) -> int | None:
    """Return the process id in an open file, None if that is not what is in it."""
    line = os.pread(fd, _LONGEST_PID + 1, 0).strip()
    return int(line) if line.isdigit() and len(line) <= _LONGEST_PID else None


# ---------------------------------------------------------------------- the lock
def _lock(fd: int) -> bool:
    """Lock for this process alone; False if another one has done so, not if mere probes look at the file."""
    late = time.monotonic() + _PATIENCE
    while not _try(fd, fcntl.LOCK_EX):
        if not _try(fd, fcntl.LOCK_SH) or time.monotonic() > late:
            return False
        fcntl.flock(fd, fcntl.LOCK_UN)
        time.sleep(0.001 * (1 + os.getpid() % 5))  # not in step with another that starts
    return True


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unusable(path: str | os.PathLike[str], error: OSError) -> PidFileUnusable:
    reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
    return PidFileUnusable(f"pidfile {os.fspath(path)} cannot be used: {reason}")
