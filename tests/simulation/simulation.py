"""One simulation: workers, clients and faults in virtual time over one store in memory, all drawn from one seed."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from msgspec import Struct

from aioqueue import Worker
from aioqueue.drivers.memory import MemoryDriver, MemoryStore
from aioqueue.errors import StoreUnavailable
from tests.faults.receipts import WorkerBegan, WorkerKilled, WorkerStopped
from tests.simulation import application as app
from tests.simulation.faults import Faults, FaultyDriver
from tests.simulation.history import History
from tests.simulation.loop import VirtualLoop
from tests.simulation.oracle import judge
from tests.simulation.process import Process
from tests.simulation.surroundings import surroundings
from tests.simulation.workload import Deed, Workload, insist, learn

RECOVERY: Final = 1_200.0
LONGEST_PAUSE: Final = 5.0
LONGEST_REGISTRATION: Final = 120.0


class Verdict(Struct, frozen=True):
    """What came of one seed: what is wrong, the trace, and how much happened."""

    seed: int
    wrongs: list[str]
    trace: str
    jobs: int
    starts: int
    kills: int
    seconds: float


def simulate(seed: int) -> Verdict:
    """Run one simulation to its end and judge it."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        with surroundings(loop, seed) as logged:
            simulation = Simulation(seed, loop)
            try:
                runner.run(simulation.run())
            except Exception as error:
                simulation.history.complain(f"the simulation cannot go on: {error!r}")
            verdict = simulation.verdict(loop.errors, logged)
            loop.begin_again()
            runner.run(simulation.clear_away())
    return verdict


class Simulation:
    """The parts of one simulation."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.history = History(loop)
        self.has_ended = False
        self._seed = seed
        self._chance = random.Random(f"simulation {seed}")
        self._lease = self._chance.choice([6.0, 12.0, 30.0])
        self._faulty_for = self._chance.uniform(30, 100)
        self._store = MemoryStore()
        self._faults = Faults(random.Random(f"faults {seed}"), self._lease)
        self._workload = Workload(random.Random(f"workload {seed}"), self.history, self._faulty_for)
        self._pids = itertools.count(1)
        self._processes: list[Process] = []
        self._working: dict[Process, Worker] = {}
        self._is_ending = False

    async def run(self) -> None:
        """Let things go wrong for a while; then ask for every outcome, and end in order."""
        workers = [asyncio.create_task(self._keep_working(n)) for n in range(1, self._chance.randint(1, 3) + 1)]
        clients = [asyncio.create_task(self._keep_asking(n)) for n in range(1, self._chance.randint(1, 2) + 1)]
        await asyncio.sleep(self._faulty_for)
        self._faults.end()
        await self._faults.until_all_is_done()
        self.history.tell("", "*** from here on nothing goes wrong")
        await asyncio.wait_for(self._set_right_until_ended(clients), RECOVERY)
        await self._steward("auditor", self._learn_all())
        await self._steward("auditor", self._until_the_dead_are_reaped(lambda: len(self._working)))
        self._is_ending = True
        for worker in self._working.values():
            worker.stop()
        await asyncio.wait_for(asyncio.gather(*workers), RECOVERY)
        await self._steward("sweeper", self._run_the_rest())
        await asyncio.sleep(LONGEST_REGISTRATION)
        self._look_for_leftovers()
        self.has_ended = True

    def verdict(self, errors: Sequence[str], logged: Sequence[logging.LogRecord]) -> Verdict:
        """Judge what has happened; nothing of it counts from here on."""
        for error in errors:
            self.history.complain(f"the loop was told of an error: {error}")
        state = self._store.queues[app.queue.name] if self.has_ended else None
        wrongs = judge(self.history, self._workload.canvases, state, logged)
        self.history.is_open = False
        return Verdict(
            seed=self._seed,
            wrongs=wrongs,
            trace=self.history.trace(),
            jobs=len(self.history.acknowledged),
            starts=self.history.started.total(),
            kills=sum(isinstance(receipt, WorkerKilled) for receipt in self.history.receipts),
            seconds=self.history.now,
        )

    async def clear_away(self) -> None:
        """Leave nothing to Python of what has vanished or did not end."""
        self._is_ending = True
        for process in self._processes:
            await process.bury()

    def _look_for_leftovers(self) -> None:
        """See that nothing runs any more but what vanished in mid-run."""
        vanished = {task for process in self._processes if process.has_vanished for task in process.tasks}
        for task in asyncio.all_tasks() - vanished - {asyncio.current_task()}:
            self.history.complain(f"an asyncio.Task is left over: {task.get_coro()!r}")

    # ------------------------------------------------------------------ processes
    def _new_process(self, name: str, faults: Faults | None) -> Process:
        process = Process(next(self._pids), name, self.history)
        process.make_driver = lambda: FaultyDriver(MemoryDriver(self._store, app.queue.name), process, faults)
        self._processes.append(process)
        return process

    async def _steward(self, name: str, deed: Coroutine[Any, Any, None]) -> None:
        """Do something in a process for which nothing goes wrong."""
        process = self._new_process(name, None)
        process.start(_and_close(process, deed))
        await asyncio.wait_for(process.over.wait(), RECOVERY)
        assert process.main is not None
        process.main.result()

    async def _keep_working(self, place: int) -> None:
        """Be one worker process after another."""
        for life in itertools.count(1):
            await asyncio.sleep(LONGEST_PAUSE * self._chance.random() ** 2)
            if self._is_ending:
                return
            process = self._new_process(f"worker-{place}.{life}", self._faults)
            worker = self._working[process] = self._new_worker(process.name)
            process.interrupt = lambda p=process, w=worker: self._chance.choice([w.stop, p.main.cancel])()
            process.start(self._work(process, worker))
            await process.over.wait()
            del self._working[process]
            self._note_end(process)

    def _new_worker(self, name: str) -> Worker:
        return Worker(
            app.queue,
            concurrency=self._chance.choice([1, 2, 4, 10]),
            lease=self._lease,
            shutdown_timeout=self._chance.choice([0, 2, 30]),
            name=name,
        )

    async def _work(self, process: Process, worker: Worker) -> None:
        began = WorkerBegan(pid=process.pid, at=self.history.now)
        await _and_close(process, worker.run(lambda: self.history.write(began)))

    def _note_end(self, process: Process) -> None:
        """Note how a worker process ended."""
        if process.has_vanished:
            self.history.tell(process.name, "is gone")
            self.history.write(WorkerKilled(pid=process.pid, at=self.history.now))
            return
        assert process.main is not None
        error = None if process.main.cancelled() else process.main.exception()
        self.history.tell(process.name, "ends", str(error or "in order"))
        if error is None or isinstance(error, StoreUnavailable):
            self.history.write(WorkerStopped(pid=process.pid, at=self.history.now))
        else:
            self.history.complain(f"{process.name} died of {error!r}")

    async def _keep_asking(self, place: int) -> None:
        """Be one client process after another, until all its deeds are done."""
        deeds = self._workload.deeds()
        for life in itertools.count(1):
            process = self._new_process(f"client-{place}.{life}", self._faults)
            process.interrupt = lambda p=process: self._chance.choice(list(p.attempts) or [p.main]).cancel()
            process.start(_and_close(process, _do_all(process, deeds)))
            await process.over.wait()
            if not process.has_vanished:
                return
            self.history.tell(process.name, "is gone")
            await asyncio.sleep(LONGEST_PAUSE * self._chance.random())

    # ------------------------------------------------------------------ the end
    async def _set_right_until_ended(self, clients: Sequence[asyncio.Task[None]]) -> None:
        """Let nothing keep jobs from running that a client has done, or does yet: one of its calls may be slow."""
        asking = asyncio.gather(*clients)
        while not asking.done():
            await self._steward("steward", self._set_right())
            await asyncio.wait({asking}, timeout=10)
        await asking
        await self._steward("steward", self._set_right())

    async def _set_right(self) -> None:
        """Undo what would keep jobs from running."""
        await app.queue.resume()
        await app.stage.restore()

    async def _learn_all(self) -> None:
        """Learn what became of every job that was stored, whoever has learned it before."""
        known = {handle.id: handle for canvas in self._workload.canvases for handle in canvas.handles}
        learned: set[str] = set()
        self.history.acknowledge(*self.history.ledger.entered)
        while rest := [job_id for job_id in self.history.acknowledged if job_id not in learned]:
            handles = [known.get(job_id) or app.queue.result(job_id) for job_id in rest]
            for handle in handles:
                handle.reset()
            await asyncio.gather(*map(learn, handles))
            learned.update(rest)
            self.history.acknowledge(*self.history.ledger.entered)

    async def _until_the_dead_are_reaped(self, living: Callable[[], int]) -> None:
        session = await app.queue.session()
        while len(await session.driver.leases()) > living():  # noqa: ASYNC110 -- a reap tells nobody
            await asyncio.sleep(1)

    async def _run_the_rest(self) -> None:
        """Run what was stored when everybody was about to stop, and reap those whose last words did not get through."""
        async with Worker(app.queue, periodic=False, lease=self._lease, name="sweeper"):
            await self._learn_all()
            await self._until_the_dead_are_reaped(lambda: 1)


async def _do_all(client: Process, deeds: list[Deed]) -> None:
    """Do each deed at its time, and take off the list what is done."""
    loop = asyncio.get_running_loop()

    async def do(deed: Deed) -> None:
        await asyncio.sleep(max(deed.at - loop.time(), 0.0))
        await insist(client, deed.name, deed.do)
        deeds.remove(deed)

    await asyncio.gather(*map(do, tuple(deeds)))
    await asyncio.gather(*client.waits)


async def _and_close(process: Process, deed: Coroutine[Any, Any, None]) -> None:
    """Close what the application has opened in a process when its deed has ended."""
    try:
        await deed
    finally:
        if process.session is not None:
            await process.session.close()
