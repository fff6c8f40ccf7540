"""One peer under one fault: its server, its worker processes, its producer, and the receipts of them all."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import psutil  # type: ignore[import-untyped]

from benchmarks import environments
from benchmarks.faults.contestants import TIMEOUT, Contestant
from benchmarks.faults.judge import Fault, Verdict, judge
from benchmarks.faults.places import LOGS, PEER_MODULES
from benchmarks.faults.receipts import Reader, Receipt, in_hand, jobs_with
from benchmarks.faults.server import Server
from benchmarks.process import finish

PRODUCER_TIMEOUT = 60.0
RESTART_AFTER = 1.0
LOOK_EVERY = 0.02
LOOK_AT_PROCESSES_EVERY = 0.5

Job: TypeAlias = tuple[float, str]


class Worker:
    """One worker: the process that the harness started, and all that this process started."""

    def __init__(self, arguments: Sequence[str], variables: dict[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._family: set[psutil.Process] = set()
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                arguments,
                cwd=PEER_MODULES,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether the process that the harness started is gone."""
        return self._popen.poll() is not None

    def look(self) -> None:
        """Learn which processes it has started."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._popen.pid)
            self._family |= {own, *own.children(recursive=True)}

    def pids(self) -> set[int]:
        """Return every process of it that was seen, also those that have ended."""
        return {process.pid for process in self._family}

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process of it; one whose number another process has by now is left alone."""
        self.look()
        for process in self._family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        """Kill every process of it with SIGKILL; returns when the first is gone."""
        self.send(signal.SIGKILL)
        self._popen.wait()


class Stage:
    """What a row has in hand."""

    def __init__(self, contestant: Contestant, server: Server, receipts: Path, seed: int, log: str) -> None:
        receipts.unlink(missing_ok=True)
        self.contestant = contestant
        self.server = server
        self.random = random.Random(seed)
        self.deaths = 0
        self.stalled = 0
        self.faults: list[Fault] = []
        self._reader = Reader(receipts)
        self._log = log
        self._logs = itertools.count()
        self._numbers = itertools.count()
        self._look_next = 0.0
        self._workers: list[Worker] = []
        self._supervised: dict[Worker, float | None] = {}
        self._variables = {
            "FAULTS_URL": server.url,
            "FAULTS_RECEIPTS": str(receipts),
            "FAULTS_TIMEOUT": f"{TIMEOUT:g}",
        }

    # ------------------------------------------------------------------ jobs
    def enqueue(self, jobs: Sequence[Job]) -> list[int]:
        """Enqueue jobs one by one, each (seconds, what it is); return their numbers when all are acknowledged."""
        rows = [(next(self._numbers), *job) for job in jobs]
        arguments = self._drive("enqueue", json.dumps(rows))
        log = LOGS / f"{self._log}-producer.log"
        finish(arguments, log=log, directory=PEER_MODULES, timeout=PRODUCER_TIMEOUT, variables=self._variables)
        return [row[0] for row in rows]

    # ------------------------------------------------------------------ workers
    def start_worker(self) -> Worker:
        """Start a worker of four jobs at a time. If it ends by itself, another one is started a second later."""
        log = LOGS / f"{self._log}-worker-{next(self._logs)}.log"
        worker = Worker(self._drive("worker"), self._variables, log)
        self._workers.append(worker)
        self._supervised[worker] = None
        return worker

    def kill(self, worker: Worker) -> None:
        """Kill a worker, and note what it had in hand."""
        del self._supervised[worker]
        worker.kill()
        self.faults.append(Fault(time.monotonic(), frozenset(in_hand(self.read(), worker.pids()))))

    def freeze(self, worker: Worker) -> None:
        """Stop a worker where it is, and note what it had in hand."""
        worker.send(signal.SIGSTOP)
        self.faults.append(Fault(time.monotonic(), frozenset(in_hand(self.read(), worker.pids()))))

    def thaw(self, worker: Worker) -> None:
        """Let a worker go on."""
        worker.send(signal.SIGCONT)

    def clear_away(self) -> None:
        """Leave no process behind."""
        for worker in self._workers:
            worker.kill()

    # ------------------------------------------------------------------ receipts
    def read(self) -> list[Receipt]:
        """Return every receipt so far."""
        return self._reader.read()

    def ended(self) -> set[int]:
        """Return the jobs that have ended so far."""
        return jobs_with(self.read(), "ended")

    def started(self) -> set[int]:
        """Return the jobs that have started so far."""
        return jobs_with(self.read(), "started")

    def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait for `condition`, and replace workers that die meanwhile; answer whether it came true in time."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._supervise()
            time.sleep(LOOK_EVERY)
        return True

    def verdict(self, besides: frozenset[int] = frozenset()) -> Verdict:
        """Judge what there is."""
        return judge(self.read(), self.faults, self.deaths, self.stalled, besides)

    def _supervise(self) -> None:
        now = time.monotonic()
        for worker, ended_at in list(self._supervised.items()):
            if ended_at is not None and now >= ended_at + RESTART_AFTER:
                del self._supervised[worker]
                self.start_worker()
            elif ended_at is None and worker.has_ended:
                self.deaths += 1
                self._supervised[worker] = now
            elif ended_at is None and now >= self._look_next:
                worker.look()

        if now >= self._look_next:
            self._look_next = now + LOOK_AT_PROCESSES_EVERY

    def _drive(self, *arguments: str) -> list[str]:
        return [str(environments.python(self.contestant.environment)), "drive.py", self.contestant.module, *arguments]


@contextmanager
def stage(contestant: Contestant, server: Server, receipts: Path, seed: int, log: str) -> Iterator[Stage]:
    """A stage for the time of the block; its processes are killed at the end."""
    one = Stage(contestant, server, receipts, seed, log)
    try:
        yield one
    finally:
        one.clear_away()
