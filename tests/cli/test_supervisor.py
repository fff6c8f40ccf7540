"""`aioqueue worker -w N`: real processes that are killed, stopped, blocked, drained and abandoned."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from aioqueue import JobState
from tests.cli.apps import App, waiting
from tests.cli.processes import Command, Commands, is_alive
from tests.core.stores import eventually


async def supervised(commands: Commands, *arguments: str, workers: int = 2, **environment: str) -> Command:
    """Start a supervisor and return when its workers are ready."""
    options = ("--lease", "1", "-w", str(workers), *arguments)
    command = commands("-m", "aioqueue", "worker", "app:queue", *options, **environment)
    await waiting(command, "ready:", times=workers)
    return command


async def ended(*pids: int) -> None:
    await eventually(lambda: not any(is_alive(pid) for pid in pids), 20)


def pids_of(command: Command) -> list[int]:
    return [pids[-1] for pids in command.workers().values()]


# ---------------------------------------------------------------- working
@pytest.mark.asyncio
async def test_two_processes_share_the_work(app: App, commands: Commands, tmp_path: Path) -> None:
    async with app.queue:
        command = await supervised(commands, "-c", "1")
        results = [await app.until(str(tmp_path / "go")) for _ in range(2)]
        await waiting(command, "began", times=2)
        (tmp_path / "go").touch()
        ran_by = {await result.get(timeout=10) for result in results}
        assert ran_by == set(pids_of(command))
        assert len(ran_by) == 2
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0
        assert not any(is_alive(pid) for pid in ran_by)
        assert await (await app.queue.session()).driver.leases() == []
    assert "Traceback" not in command.output


@pytest.mark.asyncio
async def test_a_burst_ends_when_nothing_is_due(sqlite_app: App, commands: Commands) -> None:
    async with sqlite_app.queue:
        results = await sqlite_app.add.map([(n, n) for n in range(50)])
        later = await sqlite_app.add.options(delay=60)(1, 1)
        command = commands("-m", "aioqueue", "worker", "app:queue", "-w", "2", "--burst")
        assert await asyncio.to_thread(command.code) == 0
        assert await results.get(timeout=0) == [2 * n for n in range(50)]
        assert await later.state() is JobState.SCHEDULED
    assert "takes its place" not in command.output


# ---------------------------------------------------------------- dying
@pytest.mark.asyncio
async def test_a_killed_process_is_replaced_and_its_jobs_are_run(app: App, commands: Commands, tmp_path: Path) -> None:
    async with app.queue:
        command = await supervised(commands)
        results = [await app.until(str(tmp_path / "go")) for _ in range(4)]
        await waiting(command, "began", times=4)
        killed = pids_of(command)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        await waiting(command, "was ended by SIGKILL", times=2)
        await waiting(command, "ready:", times=4)
        (tmp_path / "go").touch()
        assert {await result.get(timeout=20) for result in results} <= set(pids_of(command))
        assert not set(killed) & set(pids_of(command))
        assert command.process.poll() is None


@pytest.mark.asyncio
async def test_what_a_killed_process_leaves_behind_is_killed_too(
    sqlite_app: App, commands: Commands, tmp_path: Path
) -> None:
    async with sqlite_app.queue:
        command = await supervised(commands)
        result = await sqlite_app.process_until(str(tmp_path / "go"))
        said = tmp_path / "go.pid"
        await eventually(lambda: said.exists() and said.read_text() != "", 20)
        child = int(said.read_text())
        for pid in pids_of(command):
            os.kill(pid, signal.SIGKILL)
        await ended(child)
        (tmp_path / "go").touch()
        assert await result.get(timeout=20) != child


@pytest.mark.asyncio
async def test_a_process_that_dies_again_and_again_is_started_ever_more_rarely(
    sqlite_app: App, commands: Commands
) -> None:
    async with sqlite_app.queue:
        command = await supervised(commands)
        sqlite_app.file.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
        os.kill(pids_of(command)[0], signal.SIGKILL)
        await waiting(command, "was ended by SIGKILL", times=4)
        pauses = [float(line.split(" in ")[-1].split()[0]) for line in command.said if "takes its place in" in line]
        assert pauses == sorted(pauses)
        assert pauses[3] >= 4 * pauses[0]
        assert await (await sqlite_app.add(1, 2)).get(timeout=10) == 3
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0


@pytest.mark.asyncio
async def test_nor_is_one_started_in_a_rush_that_ends_well_before_it_is_ready(
    sqlite_app: App, commands: Commands
) -> None:
    command = await supervised(commands)
    sqlite_app.file.write_text("import os\nos._exit(0)\n")
    os.kill(pids_of(command)[0], signal.SIGKILL)
    await waiting(command, "ended before it was ready", times=3)
    pauses = [float(line.split(" in ")[-1].split()[0]) for line in command.said if "takes its place in" in line]
    assert pauses[3] >= 4 * pauses[0]
    command.signal(signal.SIGTERM)
    assert await asyncio.to_thread(command.code) == 0


@pytest.mark.asyncio
async def test_nobody_goes_on_where_nobody_is_left(sqlite_app: App, commands: Commands) -> None:
    command = await supervised(commands)
    sqlite_app.file.write_text("import os\nos._exit(9)\n")
    for pid in pids_of(command):
        os.kill(pid, signal.SIGKILL)
    await waiting(command, "failed with exit code 9", times=2)
    command.signal(signal.SIGHUP)
    await waiting(command, "a fresh worker does not start, and no other one runs")
    command.signal(signal.SIGTERM)
    assert await asyncio.to_thread(command.code) == 0


# ---------------------------------------------------------------- being stuck
@pytest.mark.asyncio
async def test_a_process_whose_loop_is_blocked_is_killed_and_replaced(
    app: App, commands: Commands, tmp_path: Path
) -> None:
    async with app.queue:
        command = await supervised(commands, "--health-check-interval", "2")
        result = await app.blocks_once(str(tmp_path / "seen"))
        await waiting(command, "began")
        before = set(pids_of(command))
        await waiting(command, "is stuck: its event loop has not turned for 2 s")
        await waiting(command, "ready:", times=3)
        assert await result.get(timeout=20) in pids_of(command)
        assert len(before - set(pids_of(command))) == 1
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0


@pytest.mark.asyncio
async def test_a_stopped_process_is_killed_and_replaced(redis_app: App, commands: Commands, tmp_path: Path) -> None:
    async with redis_app.queue:
        command = await supervised(commands, "--health-check-interval", "2")
        first, second = pids_of(command)
        os.kill(second, signal.SIGSTOP)
        await waiting(command, f"worker 2 (pid {second}) is stuck")
        await waiting(command, "ready:", times=3)
        assert pids_of(command)[0] == first
        assert not is_alive(second)


@pytest.mark.asyncio
async def test_a_supervisor_that_stood_still_itself_kills_nobody(redis_app: App, commands: Commands) -> None:
    command = await supervised(commands, "--health-check-interval", "1")
    command.signal(signal.SIGSTOP)
    await asyncio.sleep(1.5)
    command.signal(signal.SIGCONT)
    async with redis_app.queue:
        assert await (await redis_app.add(1, 2)).get(timeout=10) == 3
    await asyncio.sleep(0.7)
    assert "is stuck" not in command.output
    command.signal(signal.SIGTERM)
    assert await asyncio.to_thread(command.code) == 0


@pytest.mark.asyncio
async def test_nobody_is_killed_where_that_is_turned_off(sqlite_app: App, commands: Commands, tmp_path: Path) -> None:
    source = sqlite_app.file.read_text()
    sqlite_app.file.write_text(source.replace("time.sleep(600)", "time.sleep(3)"))
    async with sqlite_app.queue:
        command = await supervised(commands, "--health-check-interval", "0")
        result = await sqlite_app.blocks_once(str(tmp_path / "seen"))
        assert await result.get(timeout=20) in pids_of(command)
        assert "is stuck" not in command.output


# ---------------------------------------------------------------- no orphans
@pytest.mark.asyncio
async def test_workers_end_in_order_when_their_supervisor_is_killed(
    app: App, commands: Commands, tmp_path: Path
) -> None:
    async with app.queue:
        command = await supervised(commands)
        result = await app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        workers = pids_of(command)
        command.signal(signal.SIGKILL)
        await waiting(command, "the supervisor is gone", times=2)
        (tmp_path / "go").touch()
        assert await result.get(timeout=10) in workers
        await ended(*workers)
        assert await (await app.queue.session()).driver.leases() == []


@pytest.mark.asyncio
async def test_even_a_blocked_worker_does_not_outlive_its_supervisor(
    sqlite_app: App, commands: Commands, tmp_path: Path
) -> None:
    async with sqlite_app.queue:
        command = await supervised(commands, "--health-check-interval", "2")
        await sqlite_app.blocks_once(str(tmp_path / "seen"))
        await waiting(command, "began")
        workers = pids_of(command)
        command.signal(signal.SIGKILL)
        await ended(*workers)


SLOW_TO_IMPORT = """
import os, pathlib, time
from aioqueue import Queue
queue = Queue("memory://")
pathlib.Path("importing").write_text(str(os.getpid()))
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.asyncio
async def test_nor_does_one_that_is_still_starting(commands: Commands, tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "slow.py").write_text(SLOW_TO_IMPORT)
    command = commands("-m", "aioqueue", "worker", "slow:queue", "-w", "2")
    said = tmp_path / "importing"
    await eventually(lambda: said.exists() and said.read_text() != "", 20)
    command.signal(number)
    assert await asyncio.to_thread(command.code, 5) == (0 if number == signal.SIGTERM else -number)
    await ended(int(said.read_text()))


# ---------------------------------------------------------------- starting
def test_what_keeps_the_first_process_from_starting_is_said_once(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('broken on purpose')\n")
    (tmp_path / "away.py").write_text("from aioqueue import Queue\nqueue = Queue('redis://127.0.0.1:1')\n")
    for target, code, said in (("broken:queue", 2, "broken on purpose"), ("away:queue", 3, "127.0.0.1")):
        for more in ((), ("--burst",)):
            command = commands("-m", "aioqueue", "worker", target, "-w", "3", *more)
            assert command.code() == code, command.output
            assert len([line for line in command.said if line.startswith("Error: ")]) == 1
            assert said in command.output
            assert "Traceback" not in command.output


def test_a_supervisor_imports_no_application_and_no_driver(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import sys\nimport aioqueue.cli.worker, aioqueue.cli.running.supervisor\n"
        "print([name for name in ('redis', 'sqlite3', 'uvloop', 'aioqueue.queue') if name in sys.modules])\n"
    )
    command = commands("look.py")
    assert command.code() == 0
    assert command.output == "[]\n"
