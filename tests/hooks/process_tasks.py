"""Tasks that run in processes, with hooks there: their children import this module."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aioqueue import CancelExecution, Job, Queue

LOG = "AIOQUEUE_TESTS_LOG"

queue = Queue("memory://hooks-in-processes")
connection = ""


def note(text: str) -> None:
    path = os.environ.get(LOG)
    if path:
        with Path(path).open("a") as log:
            log.write(f"{text}\n")


@queue.on_startup(scope="process")
def connect() -> None:
    global connection  # noqa: PLW0603 -- what a process keeps
    connection = f"connection of {os.getpid()}"
    note("startup")


@queue.on_shutdown(scope="process")
def disconnect() -> None:
    note(f"shutdown of the {connection}")


@queue.pre_execute
def before(job: Job[Any]) -> None:
    if job.task_name.endswith("unwanted"):
        raise CancelExecution("not today", retry=False)
    note(f"before in {os.getpid()}")


@queue.post_execute
def after(job: Job[Any], value: Any, exc: BaseException | None) -> None:
    note(f"after in {os.getpid()}: {value!r}, {exc!r}")


@queue.task(executor="process")
def ask() -> str:
    return connection


@queue.task(executor="process")
def unwanted() -> None:
    note("it ran")


@asynccontextmanager
async def resource() -> AsyncIterator[str]:
    yield "resource"


@queue.context_task(resource, as_argument=True, executor="process")
def inside(given: str, n: int) -> tuple[str, int]:
    return f"{given} of {n}", os.getpid()
