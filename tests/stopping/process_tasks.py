"""A task that runs in a process until it is killed: its child imports this module."""

from __future__ import annotations

import os
import time
from pathlib import Path

from aioqueue import Queue

queue = Queue("memory://")


@queue.task(executor="process")
def never_ends(began: str) -> None:
    written = Path(began + ".new")
    written.write_text(str(os.getpid()))
    written.rename(began)
    while True:
        time.sleep(0.01)
