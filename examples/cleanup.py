"""Periodic clean-up: once an hour, what the report and the thumbnail service have kept for a day is removed.

`aioqueue worker cleanup:queue` in this directory. However many such workers there are, each hour is cleaned up once.
"""

from __future__ import annotations

import logging
import stat
import time
from contextlib import suppress
from pathlib import Path

from aioqueue import Queue, crontab
from report_service import uploads
from thumbnails import files as images

KEPT = 86_400.0

logger = logging.getLogger(__name__)
queue = Queue(name="cleanup")


@queue.periodic_task(crontab(minute=17), misfire="skip")
def clean_up() -> None:
    """Remove old files; a plain function, so a thread does it."""
    for folder in (uploads.folder(), images.folder()):
        removed = remove_old(folder, before=time.time() - KEPT)
        logger.info("%d files removed from %s", removed, folder)


def remove_old(folder: Path, before: float) -> int:
    """Remove the files of a folder that were last written before a time (Unix seconds), and return how many."""
    return sum(is_old_and_removed(path, before) for path in folder.glob("*"))


def is_old_and_removed(path: Path, before: float) -> bool:
    """Remove a file that was last written before a time, and tell whether it was; one may be gone already."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_mtime < before:
            path.unlink()
            return True
    return False
