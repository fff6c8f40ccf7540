"""Commands that answer and end, in real processes, and the queue that they are asked about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from aioqueue import Queue, Result
from aioqueue.drivers.base import Finished
from aioqueue.outcome import Cause, Failure, encode_failure
from aioqueue.states import JobState
from tests.cli.processes import ROOT

APP = """
import asyncio, pathlib
from aioqueue import Queue, cron, crontab

queue = Queue({url!r}, name={name!r})

@queue.task
async def add(a: int, b: int) -> int:
    return a + b

@queue.task
async def until(path: str) -> str:
    while not pathlib.Path(path).exists():
        await asyncio.sleep(0.005)
    return "reached"

@queue.task
async def fails(why: str) -> None:
    raise ValueError(why)

@queue.task(at_most_once=True)
async def once() -> str:
    return "once"
"""
PERIODIC = """
@queue.periodic_task(crontab(minute=0, hour=3))
async def nightly() -> None: ...

@queue.periodic_task(cron("30 4 1 1 *", tz="Asia/Tokyo"), misfire="skip")
async def yearly() -> None: ...
"""
WORKER = """
import asyncio, sys
from app import queue
from aioqueue import Worker

# A short lease tells often; the poll is so slow that only what is pushed is heard in time.
worker = Worker(queue, **{"lease": 2, "name": "reports", "delay": 100, "max_delay": 100, **eval(sys.argv[1])})
asyncio.run(worker.run(lambda: print("ready", flush=True)))
"""
WITHOUT_RICH = "import sys; sys.modules['rich'] = None; from aioqueue.cli.entry import main; main()"


class Answer(NamedTuple):
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)


class Asked:
    """An application on disk, its tasks as other processes know them, and the commands that are run there."""

    def __init__(self, directory: Path, url: str) -> None:
        self.url = url
        self.directory = directory
        self.queue = queue = Queue(url, name=f"q{uuid4().hex}")
        (directory / "app.py").write_text(APP.format(url=url, name=queue.name))

        @queue.task(name="app.add")
        async def add(a: int, b: int) -> int: ...

        @queue.task(name="app.until")
        async def until(path: str) -> str: ...

        @queue.task(name="app.fails")
        async def fails(why: str) -> None: ...

        @queue.task(name="app.once", at_most_once=True)
        async def once() -> str: ...

        self.add, self.until, self.fails, self.once = add, until, fails, once

    @property
    def by_url(self) -> tuple[str, ...]:
        """The options that name the queue without its application."""
        return "--url", self.url, "--queue", self.queue.name

    def ask(self, *arguments: str, start: tuple[str, ...] = ("-m", "aioqueue"), **environment: str) -> Answer:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, *start, *arguments],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": ROOT, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    async def bury(self, result: Result[Any]) -> None:
        """Make the queued job of `result`, the next one in line, a dead letter."""
        driver = (await self.queue.session()).driver
        incarnation = uuid4().hex
        await driver.register(incarnation, 30.0, b"")
        (claim,) = (await driver.claim(incarnation, 1, 1, 1)).jobs
        assert claim.id == result.id
        failure = encode_failure(Failure(Cause.LOST, "lost: what ran it disappeared"))
        ended = Finished(claim.id, claim.token, JobState.FAILED, failure, 600.0, dead_reason="lost: it disappeared")
        assert await driver.settle(incarnation, [ended]) == ["settled"]
        await driver.retire(incarnation)


def error_line(answer: Answer) -> str:
    """Return the one line that an answer is, besides the usage."""
    lines = [line for line in answer.err.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    assert len(lines) == 1, answer
    assert answer.out == "", answer
    return lines[0]
