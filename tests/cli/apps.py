"""An application on disk that worker commands run, and its tasks as the test knows them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from aioqueue import JobState, Queue, Result
from tests.cli.processes import Command, Commands
from tests.core.stores import eventually

APP = """
import asyncio, os, pathlib, threading, time
from aioqueue import Queue

queue = Queue({url!r}, name={name!r})

@queue.task
async def add(a: int, b: int) -> int:
    return a + b

@queue.task(executor="process")
def square(n: int) -> int:
    return n * n

@queue.task
async def until(path: str) -> int:
    print("began", path, flush=True)
    while not pathlib.Path(path).exists():
        await asyncio.sleep(0.005)
    return os.getpid()

@queue.task
def thread_until(path: str) -> int:
    print("began", path, flush=True)
    while not pathlib.Path(path).exists():
        time.sleep(0.005)
    return os.getpid()

@queue.task
async def fails() -> None:
    raise ValueError("broken on purpose")

@queue.task
async def blocks_once(path: str) -> int:
    seen = pathlib.Path(path).exists()
    pathlib.Path(path).touch()
    print("began", path, flush=True)
    if not seen:
        time.sleep(600)
    return os.getpid()

@queue.task(executor="process")
def process_until(path: str) -> int:
    pathlib.Path(path + ".pid").write_text(str(os.getpid()))
    while not pathlib.Path(path).exists():
        time.sleep(0.005)
    return os.getpid()

@queue.task
async def version() -> int:
    return VERSION

VERSION = 1
"""


class App:
    """An application on disk, and its tasks as another process knows them: by name."""

    def __init__(self, directory: Path, url: str) -> None:  # noqa: C901 -- a list of tasks
        self.queue = Queue(url, name=f"q{uuid4().hex}")
        (directory / "app.py").write_text(APP.format(url=url, name=self.queue.name))

        @self.queue.task(name="app.add")
        async def add(a: int, b: int) -> int: ...

        @self.queue.task(name="app.square")
        async def square(n: int) -> int: ...

        @self.queue.task(name="app.until")
        async def until(path: str) -> int: ...

        @self.queue.task(name="app.thread_until")
        async def thread_until(path: str) -> int: ...

        @self.queue.task(name="app.fails")
        async def fails() -> None: ...

        @self.queue.task(name="app.blocks_once")
        async def blocks_once(path: str) -> int: ...

        @self.queue.task(name="app.process_until")
        async def process_until(path: str) -> int: ...

        @self.queue.task(name="app.version")
        async def version() -> int: ...

        self.add, self.square, self.until, self.thread_until, self.fails = add, square, until, thread_until, fails
        self.blocks_once, self.process_until, self.version = blocks_once, process_until, version
        self.file = directory / "app.py"


def worker(commands: Commands, *arguments: str) -> Command:
    """Start a worker and return when it is ready."""
    command = commands("-m", "aioqueue", "worker", "app:queue", *arguments)
    command.wait_for("ready")
    return command


async def became(result: Result[Any], state: JobState) -> None:
    async def is_so() -> bool:
        return await result.state() is state

    await eventually(is_so, 10)


def waiting(command: Command, words: str, **how: Any) -> Any:
    return asyncio.to_thread(command.wait_for, words, **how)
