"""Tasks are enqueued, a worker runs them, their values are awaited: python examples/quickstart.py"""

import asyncio
import hashlib
import logging
from pathlib import Path

from aioqueue import Queue, TaskException

FILE = Path("quickstart.db")
queue = Queue(f"sqlite:///{FILE}")  # or "redis://localhost": nothing else changes


@queue.task
async def add(a: int, b: int) -> int:  # a coroutine runs on the worker's event loop
    return a + b


@queue.task
def sha256(text: str) -> str:  # a plain function runs in a thread
    return hashlib.sha256(text.encode()).hexdigest()


@queue.task(executor="process")
def count_primes(below: int) -> int:  # work for the CPU goes to a process
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, below))


@queue.task(retries=2, retry_delay=0.1)
async def fetch(url: str) -> bytes:
    raise ConnectionError(f"nobody answers at {url}")


async def main() -> None:
    """Run a worker inside this program, and be its client too."""
    async with queue, queue.worker():
        primes = await count_primes(200_000)  # stored when this returns; the worker is on it
        print("add           ", await add.call(1, 2))  # enqueues and awaits the value
        print("sha256        ", (await sha256.call("aioqueue"))[:16], "...")
        print("map           ", await (await add.map([(n, n) for n in range(5)])))
        try:
            await fetch.call("https://example.test")
        except TaskException as error:
            print("fetch         ", error.error, "(after two retries)")
        print("count_primes  ", await primes, f"({await primes.state()})")


if __name__ == "__main__":
    logging.getLogger("aioqueue").setLevel(logging.CRITICAL)  # the worker would log each failure with its traceback
    try:
        asyncio.run(main())
    finally:
        FILE.unlink(missing_ok=True)
