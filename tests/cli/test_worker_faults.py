"""Bad input and bad luck of `aioqueue worker`: one clear line, the documented exit code, and nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.cli.apps import App, waiting, worker
from tests.cli.processes import Commands
from tests.servers import redis_server

both = pytest.mark.parametrize("options", [(), ("-w", "2")], ids=["alone", "supervised"])


def refused(commands: Commands, *arguments: str, code: int) -> str:
    """Run a worker that must end by itself with `code`; return the one line that says why."""
    command = commands("-m", "aioqueue", "worker", *arguments)
    assert command.code() == code, command.output
    assert "Traceback" not in command.output
    errors = [line for line in command.said if line.startswith("Error: ")]
    assert len(errors) == 1, command.output
    return errors[0]


# ---------------------------------------------------------------- code 2: usage and import
@both
def test_wrong_usage_and_applications_that_are_none(
    commands: Commands, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "raises.py").write_text("raise RuntimeError('broken on purpose')\n")
    (tmp_path / "fine.py").write_text("thing = 3\n")
    assert "--nonsense" in refused(commands, "fine:thing", "--nonsense", *options, code=2)
    assert "1.0 is not in the range x>1" in refused(commands, "fine:thing", "-b", "1", *options, code=2)
    said = refused(commands, "raises:queue", *options, code=2)
    assert "broken on purpose" in said
    assert "raises.py:1" in said
    assert "not an aioqueue.Queue" in refused(commands, "fine:thing", *options, code=2)


def test_several_workers_of_a_queue_in_memory(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "alone.py").write_text("from aioqueue import Queue\nqueue = Queue('memory://')\n")
    assert "in the memory of one process" in refused(commands, "alone:queue", "-w", "2", code=2)


def test_a_file_instead_of_a_module(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("queue = 3\n")
    for said in ("app.py:queue", "app.py"):
        assert "without .py, as app:queue" in refused(commands, said, code=2)


def test_what_comes_from_the_environment_is_named_so(sqlite_app: App, commands: Commands) -> None:
    command = commands("-m", "aioqueue", "worker", "app:queue", "--burst", AIOQUEUE_MAX_TASKS="5")
    assert command.code() == 2
    assert "it does not go with AIOQUEUE_MAX_TASKS" in command.said[-1]


@both
def test_a_start_that_fails_is_in_the_log(commands: Commands, tmp_path: Path, options: tuple[str, ...]) -> None:
    refused(commands, "nowhere:queue", "--logfile", "its.log", *options, code=2)
    logs = "".join(path.read_text() for path in tmp_path.glob("its*.log"))
    assert logs.count("there is no module 'nowhere'") == 1
    command = commands("-m", "aioqueue", "worker", "nowhere:queue", "--log-format", "json", *options)
    assert command.code() == 2
    said = [json.loads(line) for line in command.said]
    assert [line["level"] for line in said if "nowhere" in line["message"]] == ["ERROR"]


@pytest.mark.parametrize(("code", "ends_with"), [(9, 1), (3, 3)])
def test_an_import_that_ends_the_process(commands: Commands, tmp_path: Path, code: int, ends_with: int) -> None:
    (tmp_path / "dies.py").write_text(f"import os; os._exit({code})\n")
    command = commands("-m", "aioqueue", "worker", "dies:queue", "-w", "2")
    assert command.code() == ends_with, command.output
    assert f"worker 1 ended with code {code} before it was ready" in command.said[-1]


# ---------------------------------------------------------------- code 3: no server
@both
def test_no_server_at_the_start(commands: Commands, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "away.py").write_text("from aioqueue import Queue\nqueue = Queue('redis://127.0.0.1:1')\n")
    assert "127.0.0.1" in refused(commands, "away:queue", *options, code=3)
    assert "127.0.0.1" in refused(commands, "away:queue", "--burst", *options, code=3)
    assert "127.0.0.1" in refused(commands, "away:queue", "--flush-locks", *options, code=3)


# ---------------------------------------------------------------- code 4: the pidfile
@both
def test_two_workers_on_one_pidfile(
    sqlite_app: App, commands: Commands, tmp_path: Path, options: tuple[str, ...]
) -> None:
    held = str(tmp_path / "worker.pid")
    first = worker(commands, "--pidfile", held, *options)
    assert Path(held).read_text().strip() == str(first.process.pid)
    said = refused(commands, "app:queue", "--pidfile", held, *options, code=4)
    assert str(first.process.pid) in said
    assert held in said
    first.signal(signal.SIGKILL)
    first.code()
    assert Path(held).exists()
    second = worker(commands, "--pidfile", held, *options)
    assert Path(held).read_text().strip() == str(second.process.pid)
    second.signal(signal.SIGTERM)
    assert second.code() == 0
    assert not Path(held).exists()


# ---------------------------------------------------------------- code 1: what the machine does not give
@pytest.mark.parametrize("option", ["--logfile", "--pidfile"])
@both
def test_a_file_that_cannot_be_had(
    sqlite_app: App, commands: Commands, tmp_path: Path, option: str, options: tuple[str, ...]
) -> None:
    for path in (str(tmp_path / "no" / "such" / "file"), str(tmp_path)):
        assert path in refused(commands, "app:queue", option, path, *options, code=1)


@pytest.mark.parametrize("option", ["--logfile", "--pidfile"])
def test_no_permission_for_a_file(sqlite_app: App, commands: Commands, tmp_path: Path, option: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    script = tmp_path / "as_nobody.py"
    script.write_text(
        "import os, sys\n"
        "if os.geteuid() == 0:\n"
        "    import logging.handlers  # while it may still read them\n"
        "    from aioqueue.cli import entry, pidfile\n"
        "    from aioqueue.cli.running import logging, serving\n"
        "    os.setegid(65534)\n"
        "    os.seteuid(65534)\n"
        "from aioqueue.cli.entry import main\n"
        "main()\n"
    )
    command = commands("as_nobody.py", "worker", "app:queue", option, str(closed / "file"))
    assert command.code() == 1, command.output
    assert "Traceback" not in command.output
    assert str(closed / "file") in command.said[-1]
    assert "Permission denied" in command.said[-1]


@both
def test_a_health_port_in_use(sqlite_app: App, commands: Commands, options: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in refused(commands, "app:queue", "--health-port", str(port), *options, code=1)


@pytest.mark.asyncio
async def test_a_worker_that_starts_anew_while_the_server_is_away_waits_for_it(
    commands: Commands, tmp_path: Path
) -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        app = App(tmp_path, server.url)
        command = await asyncio.to_thread(worker, commands)
        command.signal(signal.SIGHUP)
        await waiting(command, "to be started anew")
        server.kill()
        await waiting(command, "cannot begin anew yet")
        server.restart()
        async with app.queue:
            assert await (await app.add(1, 2)).get(timeout=20) == 3
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0


@pytest.mark.asyncio
@both
async def test_a_stop_that_can_hand_nothing_back(commands: Commands, tmp_path: Path, options: tuple[str, ...]) -> None:
    with redis_server() as server:
        app = App(tmp_path, server.url)
        async with app.queue:
            stop = ("--shutdown-timeout", "0.2", "--lease", "2")
            command = await asyncio.to_thread(worker, commands, *stop, *options)
            await app.until(str(tmp_path / "go"))
            await waiting(command, "began")
        server.kill()
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code, 60) == 1, command.output
    assert command.output.count("the store is away: what ran could be neither settled nor handed back") == 1
    assert "Traceback" not in command.output


# ---------------------------------------------------------------- no code at all: it goes on
@pytest.mark.asyncio
@both
async def test_a_server_that_is_lost_later_loses_nothing(
    commands: Commands, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        app = App(tmp_path, server.url)
        async with app.queue:
            command = await asyncio.to_thread(worker, commands, "--lease", "2", *options)
            running = await app.until(str(tmp_path / "go"))
            await waiting(command, "began")
            left = await app.add.options(delay=1)(1, 2)
            server.kill()
            (tmp_path / "go").touch()
            await asyncio.sleep(0.5)
            assert command.process.poll() is None
            server.restart()
            assert await running.get(timeout=20) > 0
            assert await left.get(timeout=20) == 3
            assert await (await app.add(3, 4)).get(timeout=20) == 7
            stored = [pid for pids in command.workers().values() for pid in pids] or [command.process.pid]
            assert await running.get(timeout=0) in stored
            os.kill(command.process.pid, signal.SIGTERM)
            assert await asyncio.to_thread(command.code) == 0
    assert "Traceback" not in command.output
