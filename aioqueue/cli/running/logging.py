"""Where the worker command's log goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from aioqueue.cli.exits import Ended, Failed
from aioqueue.cli.running.settings import Settings
from aioqueue.logs import JobFilter, JsonLines, PlainLines

logger: Final = logging.getLogger("aioqueue")


def configure(settings: Settings) -> None:
    """Send the records of the library's logger to standard error or into a file; raises `Failed` if it cannot be."""
    handler = _file(_own_file(settings)) if settings.logfile else logging.StreamHandler()
    lines = {"plain": PlainLines, "json": JsonLines}[settings.log_format]
    handler.setFormatter(lines(arguments=settings.log_arguments, worker=_worker(settings)))
    handler.addFilter(JobFilter())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if settings.verbose else logging.ERROR if settings.quiet else logging.INFO)
    logger.propagate = False


@contextmanager
def told_in_the_log(settings: Settings) -> Iterator[None]:
    """Log what ends the command as well, where that is not the same plain line on standard error once more."""
    try:
        yield
    except Ended as error:
        if settings.logfile or settings.log_format == "json":
            logger.error("%s", error.message)  # noqa: TRY400 -- one line
        if not settings.logfile and settings.log_format == "json":
            raise click.exceptions.Exit(error.exit_code) from None
        raise


def _worker(settings: Settings) -> str:
    """Return which one of several supervised processes this is, empty for any other."""
    if not settings.number:
        return ""
    return f"{settings.name}-{settings.number}" if settings.name else str(settings.number)


def _file(path: str) -> logging.Handler:
    from logging.handlers import RotatingFileHandler  # noqa: PLC0415 -- most workers log to standard error

    try:
        return RotatingFileHandler(path, maxBytes=1_000_000, backupCount=3, encoding="utf-8")
    except OSError as error:
        raise Failed(f"log file {path} cannot be written: {error.strerror}") from None


def _own_file(settings: Settings) -> str:
    """Return the file of this process: several cannot share one that is rotated, so each has its number in the name.

    Not after a dot, as old files have theirs: `worker.1` may be what the supervisor's `worker` was before.
    """
    if not settings.number:
        return settings.logfile
    path = Path(settings.logfile)
    return str(path.with_name(f"{path.stem}-{settings.number}{path.suffix}"))
