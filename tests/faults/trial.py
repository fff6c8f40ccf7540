"""One trial: a store, an application in the test, worker processes, and the receipts of them all."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec import structs

from aioqueue import Result, Task, TaskException
from aioqueue.ids import new_id
from tests.faults.application import Application, application
from tests.faults.audit import Report, audit, in_hand
from tests.faults.figures import Figures, publish
from tests.faults.leases import leases_of_the_dead
from tests.faults.processes import Process, start_command, start_program, start_worker
from tests.faults.producer import Manner, ProducerOrders
from tests.faults.receipts import Enqueued, FailedAt, Learned, Reader, Receipt, Started, WorkerBegan, write
from tests.faults.remains import remains
from tests.faults.worker import Orders

LEASE: Final = 2.0
SWEEP: Final = LEASE / 4
PATIENCE: Final = 40.0

T = TypeVar("T")
Kind = TypeVar("Kind", bound=Receipt)


async def until(condition: Callable[[], T], within: float = PATIENCE) -> T:
    """Wait for something that tells nobody of itself; returns what `condition` returned."""
    async with asyncio.timeout(within):
        while not (found := condition()):  # noqa: ASYNC110 -- a file and a process tell nobody
            await asyncio.sleep(0.01)
        return found


@dataclass(frozen=True)
class Row:
    """Which row of the programme a trial is (0: none of them), which scenario of it, and with which seed."""

    number: int = 0
    scenario: str = ""
    seed: int = 0


class Trial:
    """What a test has in hand."""

    def __init__(self, url: str, name: str, directory: Path, row: Row, store: str) -> None:
        self.url = url
        self.random = random.Random(row.seed)
        self.receipts = directory / "receipts"
        self.app: Application = application(url, name, self.receipts)
        self.processes: list[Process] = []
        self._row = row
        self._store = store
        self._directory = directory
        self._reader = Reader(self.receipts)
        self._orders = Orders(url, name, str(self.receipts), lease=LEASE, concurrency=8, shutdown_timeout=10)
        self._results: list[Result[str]] = []

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, task: Task[..., str], *arguments: Any) -> Result[str]:
        """Enqueue one job; its acknowledgement is on record."""
        return self.adopt(await task(*arguments))

    async def enqueue_many(self, count: int, task: Task[..., str], *arguments: Any) -> list[Result[str]]:
        """Enqueue the same call many times."""
        return await asyncio.gather(*(self.enqueue(task, *arguments) for _ in range(count)))

    def adopt(self, result: Result[str]) -> Result[str]:
        """Answer for a job that was stored in another way; its acknowledgement is on record."""
        write(self.receipts, Enqueued(id=result.id))
        self._results.append(result)
        return result

    def answer_for(self, job_ids: Iterable[str]) -> list[Result[str]]:
        """Answer for jobs that others enqueued, as if their enqueue had been acknowledged here."""
        results = [self.app.nap.result(job_id) for job_id in job_ids]
        for result in results:
            write(self.receipts, Enqueued(id=result.id))
        self._results += results
        return results

    async def keep_busy(self, enough: asyncio.Event, count: int, task: Task[..., str], *arguments: Any) -> None:
        """Enqueue the same call many times, and again whenever all have ended, until it is enough."""
        while not enough.is_set():
            await self.learn(await self.enqueue_many(count, task, *arguments))

    async def learn(self, results: Sequence[Result[str]]) -> list[str]:
        """Wait for the outcomes; each is on record."""
        return await asyncio.gather(*(self._learn(result) for result in results))

    async def _learn(self, result: Result[str]) -> str:
        try:
            outcome = await result.get(PATIENCE)
        except TaskException as error:
            outcome = type(error).__name__
        write(self.receipts, Learned(id=result.id, outcome=outcome))
        return outcome

    # ------------------------------------------------------------------ workers
    @property
    def orders(self) -> Orders:
        """What its workers are told if nothing else is said."""
        return self._orders

    async def start_worker(self, **orders: Any) -> Process:
        """Start a worker process; returns when it is ready to claim."""
        (process,) = await self.start_workers(1, **orders)
        return process

    async def start_workers(self, count: int, **orders: Any) -> list[Process]:
        """Start worker processes beside each other; returns when all are ready to claim."""
        started = self.launch_workers(count, **orders)
        for process in started:
            await self._until_ready(process, lambda: bool(self.receipts_of(process, WorkerBegan)))  # noqa: B023
        return started

    def launch_workers(self, count: int, **orders: Any) -> list[Process]:
        """Start worker processes, and return before they are ready."""
        changed = structs.replace(self._orders, **orders)
        started = [start_worker(changed, self._directory) for _ in range(count)]
        self.processes += started
        return started

    async def start_command(self, **orders: Any) -> Process:
        """Start `aioqueue worker` in a process; returns when it is ready to claim."""
        process = start_command(structs.replace(self._orders, **orders), self._directory)
        self.processes.append(process)
        await self._until_ready(process, lambda: " ready: " in process.log)
        return process

    async def _until_ready(self, process: Process, is_ready: Callable[[], bool]) -> None:
        await until(lambda: is_ready() or not process.is_alive)
        if not process.is_alive and not is_ready() and not self.receipts_of(process, FailedAt):
            raise AssertionError(f"the worker did not start:\n{process.log}")

    def start_producer(self, manner: Manner, calls: int, size: int = 1, **orders: Any) -> Process:
        """Start a process that enqueues jobs (see `producer`)."""
        told = ProducerOrders(self.url, self.app.queue.name, str(self.receipts), manner, calls, size, **orders)
        process = start_program("tests.faults.producer", told, self._directory, self.receipts, told.release)
        self.processes.append(process)
        return process

    # ------------------------------------------------------------------ receipts
    def read(self) -> list[Receipt]:
        """Return every receipt so far."""
        return self._reader.read()

    def all_of(self, kind: type[Kind]) -> list[Kind]:
        """Return every receipt of one kind so far."""
        return [receipt for receipt in self.read() if isinstance(receipt, kind)]

    def receipts_of(self, process: Process, kind: type[Kind]) -> list[Kind]:
        """Return every receipt of one kind that one process wrote."""
        return [receipt for receipt in self.read() if isinstance(receipt, kind) and receipt.pid == process.pid]

    def in_hand(self, process: Process) -> set[str]:
        """Return the jobs that a process runs, or has run without knowing yet that they are settled."""
        return in_hand(self.read(), process.pid)

    def starts(self, result: Result[str]) -> list[Started]:
        """Return the executions of one job so far."""
        return [start for start in self.all_of(Started) if start.id == result.id]

    async def started(self, result: Result[str], times: int = 1) -> Started:
        """Wait for the n-th execution of one job."""
        await until(lambda: len(self.starts(result)) >= times)
        return self.starts(result)[times - 1]

    # ------------------------------------------------------------------ the end
    async def conclude(self) -> Report:
        """Stop the workers that are left, ask again for every outcome, and judge.

        Whatever the fault was, nothing is lost, no outcome changes, every worker that lives stops in order, and none
        has logged an error that it did not expect.
        """
        await self._until_the_dead_are_reaped()
        await self._stop_workers()
        for result in self._results:
            result.reset()
        await self.learn(self._results)
        assert "Traceback" not in self.logs()
        report = audit(self.read())
        self._publish(report, stuck := await remains(self._store, self.app.queue.name))
        assert report.lost == []
        assert report.contradictions == []
        assert stuck == []
        return report

    def _publish(self, report: Report, stuck: Sequence[str]) -> None:
        figures = Figures(
            row=self._row.number,
            scenario=self._row.scenario,
            store=self.url.partition(":")[0],
            seed=self._row.seed,
            jobs=report.enqueued,
            lost=len(report.lost),
            repeated=report.repeats,
            outcomes_twice=len(report.contradictions),
            deaths=len(report.deaths),
            stuck=len(stuck),
            recovery_p50=statistics.median(report.recoveries or [0.0]),
            recovery_max=report.slowest_recovery,
        )
        publish(figures)

    async def _until_the_dead_are_reaped(self) -> None:
        """Whoever died is reaped in the end, by one more worker if nobody else is left."""
        async with asyncio.timeout(PATIENCE):
            living = [process for process in self.processes if process.is_alive]
            while await leases_of_the_dead(self._store, self.app.queue.name):
                if not living:
                    living = await self.start_workers(1)
                await asyncio.sleep(SWEEP / 4)

    async def _stop_workers(self) -> None:
        alive = [process for process in self.processes if process.is_alive]
        for process in alive:
            process.terminate()
        for process in alive:
            assert await process.ended() == 0, process.log

    def logs(self) -> str:
        """Return the logs of all workers."""
        return "\n".join(f"--- worker {process.pid}\n{process.log}" for process in self.processes)


@asynccontextmanager
async def trial(url: str, directory: Path, row: Row = Row(), *, store: str = "") -> AsyncIterator[Trial]:
    """Open a trial on a queue of its own; the logs of its workers are printed if it fails.

    `store` is where the store itself is, if `url` leads there through a proxy: it is asked what is left in the end.
    """
    trial = Trial(url, f"trial-{new_id()}", directory, row, store or url)
    try:
        async with trial.app.queue:
            yield trial
    except BaseException:
        print(trial.logs())
        raise
    finally:
        for process in trial.processes:
            process.clear_away()
