"""One peer on one store: its callers are driven, its worker is run, in the environment that it has of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import environments
from benchmarks.failure import PeerFailed
from benchmarks.places import LOGS, PEER_MODULES, SCRATCH
from benchmarks.process import finish_with_json, reason, running
from benchmarks.roster import Peer
from benchmarks.stores import RedisStore, Store
from benchmarks.worker import Worker

SLOWEST = 100  # jobs a second of the slowest peer, with which every measure is given up


class Stand:
    """Where one peer is measured."""

    def __init__(self, peer: Peer, store: Store) -> None:
        self.peer = peer
        self.store = store

    @property
    def redis(self) -> RedisStore:
        """The store, of a peer that is on Redis."""
        assert isinstance(self.store, RedisStore)
        return self.store

    def ask(self, function: str, *arguments: float | str, module: str = "", jobs: int = 0) -> dict[str, Any]:
        """What the callers' side of the peer answers; it may take as long as `jobs` jobs of the slowest peer."""
        return finish_with_json(
            self._command(module or self.peer.module, function, *arguments),
            log=LOGS / f"{self.peer.name}-{function}.log",
            directory=PEER_MODULES,
            timeout=60 + jobs / SLOWEST,
            variables={"BENCH_URL": self.store.url},
        )

    def fill(self, jobs: int, kind: str = "noop") -> None:
        """Empty the store, and put jobs into it."""
        self.store.empty()
        self.ask("fill", kind, jobs, jobs=jobs)

    @contextmanager
    def worker(self, why: str, jobs: int = 0, **settings: object) -> Iterator[Worker]:
        """The peer's worker for the time of the block; it writes its tally after `jobs` jobs.

        `settings` are what the measure asks of it, and reach it as `BENCH_…`.
        """
        tally = SCRATCH / f"{self.peer.name}-tally.json"
        for remains in (tally, tally.with_suffix(".begun"), tally.with_suffix(".ended")):
            remains.unlink(missing_ok=True)
        variables = {"BENCH_URL": self.store.url, "BENCH_JOBS": str(jobs), "BENCH_TALLY": str(tally)}
        variables |= {f"BENCH_{name.upper()}": str(value) for name, value in settings.items()}
        log = LOGS / f"{self.peer.name}-worker-{why}.log"
        command = self._command(self.peer.module, "work")
        with running(command, log=log, directory=PEER_MODULES, variables=variables) as process:
            try:
                yield Worker(process, tally, timeout=60 + jobs / SLOWEST)
            except PeerFailed:
                if process.poll() is None:
                    raise
            _refuse_ended(process, reason(log))

    @contextmanager
    def beside(self, function: str, *, module: str) -> Iterator[None]:
        """Another process of the peer for the time of the block."""
        log = LOGS / f"{self.peer.name}-{function}.log"
        variables = {"BENCH_URL": self.store.url}
        with running(self._command(module, function), log=log, directory=PEER_MODULES, variables=variables):
            yield

    def _command(self, module: str, function: str, *arguments: float | str) -> list[str]:
        interpreter = str(environments.python(self.peer.environment))
        return [interpreter, "drive.py", module, function, *map(str, arguments)]


def _refuse_ended(process: subprocess.Popen[bytes], why: str) -> None:
    if process.poll() is not None:
        raise PeerFailed(f"its worker ended with exit code {process.returncode}: {why}")
