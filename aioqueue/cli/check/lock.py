"""Looking at the lock of a pidfile."""

from __future__ import annotations

from aioqueue.cli.check.report import Finding
from aioqueue.cli.pidfile import PidFileUnusable, holder, left_behind


def look(path: str) -> Finding:
    """Whether a process holds the pidfile at `path`."""
    try:
        pid = holder(path)
    except PidFileUnusable as error:
        return Finding(False, f"cannot tell: {error}")
    if pid is None:
        return Finding(False, f"not running: nobody holds {path}{_remains(path)}", process_running=False)
    who = f"process {pid}" if pid else "a process"
    return Finding(True, f"running: {who} holds {path}", process_running=True, pid=pid or None)


def _remains(path: str) -> str:
    pid = left_behind(path)
    return f", which process {pid} left behind" if pid else ""
