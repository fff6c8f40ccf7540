"""Tasks that run in processes: their children import this module."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from aioqueue import CancelExecution, Job, Queue, Result, RetryTask, Task, current_job

queue = Queue("memory://")


async def send(to: Queue, task: Task[..., Any], *args: Any, **options: Any) -> Result[Any]:
    """Enqueue a task of this module on another queue, which then knows it."""
    to.registry.add(task)
    job = task.options(**options).s(*args)
    await to.enqueue(job)
    return to.result(job.id)


@queue.task(executor="process")
def whereabouts(a: int) -> list[Any]:
    return [os.getpid(), current_job().id, a]


@queue.task(executor="process", context=True)
def with_context(job: Job[Any], a: int) -> list[Any]:
    return [job.id, job.task_name, job.retries, job.tries, job is current_job(), a]


@queue.task(executor="process")
def die(code: int = 1) -> None:
    os._exit(code)


@queue.task(executor="process", max_deliveries=2)
def die_twice() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@queue.task(executor="process", at_most_once=True)
def die_once() -> None:
    os._exit(1)


@queue.task(executor="process", max_deliveries=3)
def die_until(path: str, times: int) -> int:
    deaths = Path(path).read_bytes() if Path(path).exists() else b""
    if len(deaths) < times:
        Path(path).write_bytes(deaths + b"x")
        os._exit(1)
    return len(deaths)


@queue.task(executor="process")
def slow(seconds: float, note: str = "") -> str:
    time.sleep(seconds)
    if note:
        Path(note).touch()
    return "done"


@queue.task(executor="process", retries=1)
def raises(what: str) -> None:
    errors: dict[str, BaseException] = {
        "ValueError": ValueError("broken"),
        "SystemExit": SystemExit(3),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "CancelledError": asyncio.CancelledError(),
        "GeneratorExit": GeneratorExit(),
        "StopIteration": StopIteration(1),
        "CancelExecution": CancelExecution("enough", retry=False),
        "RetryTask": RetryTask(delay=3600),
    }
    raise errors[what]


@queue.task(executor="process", retries=3)
def unserialisable() -> object:
    return object()


@queue.task(executor="process")
def noisy() -> str:
    print("to Python's stdout")
    print("to Python's stderr", file=sys.stderr)
    os.write(1, b"RETURN 4\nto the descriptor\n")
    subprocess.run(["echo", "from a child"], check=True)
    return "heard"


def plain(a: int) -> int:
    return a + 1


renamed: Any = queue.task(executor="process", name="renamed")(plain)
