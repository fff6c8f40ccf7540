"""The report service itself, from examples/."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from inside import add_inside

from report_service.app import app
from report_service.tasks import queue


def waits() -> int:
    """How many jobs the queue of this process waits for."""
    session = queue._session  # noqa: SLF001 -- what leaks would show nowhere else
    return len(session.listener._waits) if session is not None else 0  # noqa: SLF001


add_inside(app, waits)


def work() -> NoReturn:
    """Become the worker command."""
    os.execv(sys.executable, [sys.executable, "-m", "aioqueue", "worker", "report_service.tasks:queue"])
