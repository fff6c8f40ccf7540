"""A Redis server that forgets nothing, and that can be killed and started again."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from benchmarks.process import kill_group
from benchmarks.stores import free_port, redis_binary

STARTS_WITHIN = 10.0


class Server:
    """One server on loopback, with `appendfsync always`: what was acknowledged is on the disk."""

    def __init__(self, directory: Path) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.client = redis.Redis(host="127.0.0.1", port=self._port, protocol=2)

    def start(self) -> None:
        """Return when it answers. Raises RuntimeError if that takes longer than 10 seconds."""
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        place = ["--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._directory)]
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [redis_binary(), *place, *durable],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                self.client.ping()
                return
            time.sleep(0.01)
        raise RuntimeError("the Redis server did not start")

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        if self._process is not None:
            kill_group(self._process)
            self._process = None

    @property
    def version(self) -> str:
        """The server's own words for what it is."""
        info = self.client.info("server")
        name = info.get("server_name", "redis")
        return f"{name} {info.get(f'{name}_version', info['redis_version'])}"


@contextmanager
def server(directory: Path) -> Iterator[Server]:
    """An empty server for the time of the block."""
    one = Server(directory)
    one.start()
    try:
        yield one
    finally:
        one.client.close()
        one.kill()
