"""What signals do to a worker, alone and under a supervisor."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from pathlib import Path

import pytest

from aioqueue import JobState
from tests.cli.apps import App, waiting, worker
from tests.cli.processes import Command, Commands, is_alive
from tests.core.stores import eventually

ALONE, SUPERVISED = (), ("-w", "2")
both = pytest.mark.parametrize("options", [ALONE, SUPERVISED], ids=["alone", "supervised"])


async def started(commands: Commands, *options: str) -> Command:
    command = await asyncio.to_thread(worker, commands, *options)
    await waiting(command, "ready:", times=2 if "-w" in options else 1)
    return command


def change(app: App, version: int) -> None:
    """Change the code: what the task `version` returns."""
    source = app.file.read_text()
    app.file.write_text(f"{source}\nVERSION = {version}  # {'x' * version}\n")


# ---------------------------------------------------------------- to end
@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_supervisor_lets_running_jobs_end(
    app: App, commands: Commands, tmp_path: Path, number: signal.Signals
) -> None:
    async with app.queue:
        command = await started(commands, "-w", "2", "-c", "1")
        running = [await app.until(str(tmp_path / "go")) for _ in range(2)]
        await waiting(command, "began", times=2)
        left = await app.add(1, 2)
        command.signal(number)
        await waiting(command, "running, for up to", times=2)
        (tmp_path / "go").touch()
        assert await asyncio.to_thread(command.code) == 0
        assert len({await result.get(timeout=1) for result in running}) == 2
        assert await left.state() is JobState.QUEUED
        assert await (await app.queue.session()).driver.leases() == []
    assert "Traceback" not in command.output


@pytest.mark.asyncio
async def test_a_second_signal_to_a_supervisor_hands_jobs_back(app: App, commands: Commands, tmp_path: Path) -> None:
    async with app.queue:
        command = await started(commands, "-w", "2", "-c", "1")
        running = [await app.until(str(tmp_path / "go")) for _ in range(2)]
        await waiting(command, "began", times=2)
        command.signal(signal.SIGTERM)
        await waiting(command, "running, for up to", times=2)
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code, 10) == 0
        for result in running:
            stored = await (await app.queue.session()).driver.job(result.id)
            assert stored is not None
            assert (stored.state, stored.deliveries) == (JobState.QUEUED, 0)


@pytest.mark.asyncio
async def test_ctrl_c_counts_once_for_every_process(sqlite_app: App, commands: Commands, tmp_path: Path) -> None:
    """A terminal signals a whole group: workers in the supervisor's would hear of it twice, and hand jobs back."""
    (tmp_path / "leader.py").write_text(
        "import os, sys\nos.setpgid(0, 0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'aioqueue', 'worker', 'app:queue', '-w', '2'])\n"
    )
    command = commands("leader.py")
    await waiting(command, "ready:", times=2)
    async with sqlite_app.queue:
        result = await sqlite_app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        os.killpg(command.process.pid, signal.SIGINT)
        await waiting(command, "running, for up to")
        (tmp_path / "go").touch()
        assert await asyncio.to_thread(command.code) == 0
        assert await result.get(timeout=0) in [pids[-1] for pids in command.workers().values()]


@pytest.mark.asyncio
async def test_a_worker_that_somebody_else_stops_is_replaced(sqlite_app: App, commands: Commands) -> None:
    async with sqlite_app.queue:
        command = await started(commands, "-w", "2")
        os.kill(command.workers()[2][0], signal.SIGTERM)
        await waiting(command, "ready:", times=3)
        assert len(command.workers()[2]) == 2
        assert await (await sqlite_app.add(1, 2)).get(timeout=10) == 3


# ---------------------------------------------------------------- to start anew
@pytest.mark.asyncio
@both
async def test_a_hangup_takes_fresh_code_and_lets_running_jobs_end(
    app: App, commands: Commands, tmp_path: Path, options: tuple[str, ...]
) -> None:
    async with app.queue:
        command = await started(commands, *options)
        assert await (await app.version()).get(timeout=10) == 1
        running = await app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        change(app, 2)
        command.signal(signal.SIGHUP)
        await waiting(command, "running, for up to")
        (tmp_path / "go").touch()
        await waiting(command, "ready:", times=4 if options else 2)
        if options:
            await waiting(command, "all workers run fresh code")
        assert await running.get(timeout=1) > 0
        assert [await (await app.version()).get(timeout=10) for _ in range(10)] == [2] * 10
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0
        assert await (await app.queue.session()).driver.leases() == []
    assert "Traceback" not in command.output


@pytest.mark.asyncio
@both
async def test_code_that_does_not_start_changes_nothing(
    sqlite_app: App, commands: Commands, options: tuple[str, ...]
) -> None:
    async with sqlite_app.queue:
        command = await started(commands, *options)
        before = command.workers()
        source = sqlite_app.file.read_text()
        sqlite_app.file.write_text("def broken(:\n")
        command.signal(signal.SIGHUP)
        await waiting(command, "SyntaxError")
        await waiting(command, "start")
        assert await (await sqlite_app.version()).get(timeout=10) == 1
        sqlite_app.file.write_text(source)
        change(sqlite_app, 3)
        command.signal(signal.SIGHUP)
        await waiting(command, "ready:", times=4 if options else 2)
        if options:
            await waiting(command, "all workers run fresh code")
            assert all(command.workers()[place][0] == pids[0] for place, pids in before.items())
        assert await (await sqlite_app.version()).get(timeout=10) == 3


@pytest.mark.asyncio
async def test_hangups_in_a_row_lose_nothing(sqlite_app: App, commands: Commands) -> None:
    """A hangup that comes while Python starts anew would end the process if it were let in."""
    async with sqlite_app.queue:
        command = await started(commands)
        for _ in range(3):
            command.signal(signal.SIGHUP)
            await asyncio.sleep(0.15)
        await waiting(command, "ready:", times=2)
        for number in range(10):
            command.signal(signal.SIGHUP)
            await asyncio.sleep(0.05)
            assert command.process.poll() is None, number
        assert await (await sqlite_app.add(1, 2)).get(timeout=20) == 3
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) in (0, -signal.SIGTERM)


@pytest.mark.asyncio
async def test_a_stop_while_it_drains_to_start_anew_is_a_stop(
    sqlite_app: App, commands: Commands, tmp_path: Path
) -> None:
    async with sqlite_app.queue:
        command = await started(commands)
        result = await sqlite_app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        command.signal(signal.SIGHUP)
        await waiting(command, "running, for up to")
        command.signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        assert command.process.poll() is None, "one signal hands nothing back"
        (tmp_path / "go").touch()
        assert await asyncio.to_thread(command.code) == 0
        assert await result.get(timeout=0) == command.process.pid


@pytest.mark.asyncio
@both
async def test_the_end_of_the_terminal_is_the_end(
    sqlite_app: App, commands: Commands, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Otherwise a worker would start anew without anyone left who can stop it."""
    (tmp_path / "shell.py").write_text(
        "import fcntl, os, sys, termios\n"
        "os.setsid()\n"
        "fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'aioqueue', 'worker', 'app:queue', *sys.argv[2:]])\n"
    )
    ours, theirs = pty.openpty()
    try:
        command = commands("shell.py", os.ttyname(theirs), *options)
        await waiting(command, "ready:", times=2 if options else 1)
        command.signal(signal.SIGHUP)
        await waiting(command, "ready:", times=4 if options else 2)
    finally:
        os.close(theirs)
        os.close(ours)
    assert await asyncio.to_thread(command.code) == 0
    await eventually(lambda: not any(is_alive(pids[-1]) for pids in command.workers().values()), 10)
