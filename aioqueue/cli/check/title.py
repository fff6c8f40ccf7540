"""Looking for a process by its title: the weakest way, since anyone may call a process so."""

from __future__ import annotations

import os

from aioqueue.cli.check.report import Finding


def look(title: str) -> Finding:
    """Whether another process has this title, or one that begins with it and goes on after a space."""
    try:
        titles = _titles()
    except OSError:
        return Finding(False, "cannot tell: there is neither /proc nor ps to list processes")
    for pid, found in titles:
        if pid != os.getpid() and f"{found} ".startswith(f"{title} "):
            return Finding(True, f"running: process {pid} is {found!r}", process_running=True, pid=pid)
    return Finding(False, f"not running: no process is called {title!r}", process_running=False)


def _titles() -> list[tuple[int, str]]:
    try:
        return _titles_in_proc()
    except FileNotFoundError:
        return _titles_by_ps()


def _titles_in_proc() -> list[tuple[int, str]]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            title = _title_of(name)
            if title:
                found.append((int(name), title))
    if not found:
        raise FileNotFoundError("/proc lists no processes")
    return found


def _title_of(pid: str) -> str:
    """Return the command line of a process; empty for one that has ended or may not be looked at."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").strip().decode(errors="replace")


def _titles_by_ps() -> list[tuple[int, str]]:
    import subprocess  # noqa: PLC0415 -- where there is a /proc, a probe is faster without

    command = ["ps", "-A", "-o", "pid=", "-o", "args="]
    listed = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    rows = (line.strip().partition(" ") for line in listed.stdout.splitlines())
    return [(int(pid), title.strip()) for pid, _, title in rows if pid.isdecimal()]
