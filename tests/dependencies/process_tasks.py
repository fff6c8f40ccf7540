"""Tasks that run in processes of their own: these import this module."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from aioqueue import Depends, Queue

queue = Queue("memory://dependencies")


def place() -> int:
    return os.getpid()


def note(said: str) -> None:
    with Path(os.environ["LIFE_OF_A_DEPENDENCY"]).open("a") as log:
        log.write(said)


async def noted() -> AsyncIterator[int]:
    note("open ")
    yield os.getpid()
    note("close")


@queue.task(executor="process")
def placed(here: int = Depends(place), noted: int = Depends(noted)) -> list[int]:
    return [here, noted, os.getpid()]
