"""A module that works when it is imported, and not only when it is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UNGUARDED = """
import asyncio
from aioqueue import Queue, TaskLost
queue = Queue("sqlite:///unguarded.db")

@queue.task(executor="process", max_deliveries=1)
def task(x: int) -> int:
    return x + 1

async def main() -> None:
    async with queue.worker():
        try:
            await task.call(1)
        except TaskLost as error:
            print("lost:", error)

asyncio.run(main())
"""

PRINTS = """
import asyncio
from aioqueue import Queue
queue = Queue("memory://")

@queue.task(executor="process")
def task() -> None:
    print("from the body")

async def main() -> None:
    async with queue, queue.worker():
        await task.call()

if __name__ == "__main__":
    asyncio.run(main())
"""


def run(source: str, directory: Path) -> subprocess.CompletedProcess[str]:
    (directory / "program.py").write_text(source)
    command = [sys.executable, "program.py"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=True)


def test_a_module_without_a_main_guard_starts_no_worker_in_its_children(tmp_path: Path) -> None:
    done = run(UNGUARDED, tmp_path)
    assert done.stdout.startswith("lost:")
    assert '__name__ == "__main__"' in done.stderr


def test_what_a_process_body_prints_is_seen(tmp_path: Path) -> None:
    assert "from the body" in run(PRINTS, tmp_path).stderr
