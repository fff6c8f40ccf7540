"""`aioqueue worker` as a user runs it: real processes, real signals."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from aioqueue import JobState, Queue
from tests.cli.apps import App, became, waiting, worker
from tests.cli.processes import Commands
from tests.core.stores import eventually

WORKER_WITH_SHORT_LEASE = """
import asyncio
from app import queue
from aioqueue import Worker

asyncio.run(Worker(queue, lease=0.3).run(lambda: print("ready", flush=True)))
"""


# ---------------------------------------------------------------- working
@pytest.mark.asyncio
async def test_jobs_from_another_process_are_run_and_awaited(app: App, commands: Commands) -> None:
    async with app.queue:
        there = await app.add(1, 2)
        command = await asyncio.to_thread(worker, commands)
        assert await there.get(timeout=10) == 3
        assert await (await app.add(3, 4)).get(timeout=10) == 7
        assert await (await app.square(5)).get(timeout=20) == 25
        results = await app.add.map([(n, n) for n in range(200)])
        assert await results.get(timeout=10) == [2 * n for n in range(200)]
    command.signal(signal.SIGTERM)
    assert await asyncio.to_thread(command.code) == 0
    assert "Traceback" not in command.output


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_signal_lets_running_jobs_end_and_leaves_the_rest(
    app: App, commands: Commands, tmp_path: Path, number: signal.Signals
) -> None:
    async with app.queue:
        command = await asyncio.to_thread(worker, commands, "-c", "1")
        running = await app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        left = await app.add(1, 2)
        command.signal(number)
        await asyncio.sleep(0.05)
        (tmp_path / "go").touch()
        assert await asyncio.to_thread(command.code) == 0
        assert await running.get(timeout=1) == command.process.pid
        assert await left.state() is JobState.QUEUED
        assert await (await app.queue.session()).driver.leases() == []
    assert "Traceback" not in command.output


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["until", "thread_until"])
async def test_a_second_signal_hands_running_jobs_back_at_once(
    app: App, commands: Commands, tmp_path: Path, kind: str
) -> None:
    async with app.queue:
        command = await asyncio.to_thread(worker, commands)
        result = await getattr(app, kind)(str(tmp_path / "go"))
        await waiting(command, "began")
        command.signal(signal.SIGTERM)
        await asyncio.sleep(0.05)
        assert command.process.poll() is None
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code, 10) == 0
        stored = await (await app.queue.session()).driver.job(result.id)
        assert stored is not None
        assert (stored.state, stored.deliveries) == (JobState.QUEUED, 0)
        (tmp_path / "go").touch()
        second = await asyncio.to_thread(worker, commands)
        assert await result.get(timeout=10) == second.process.pid


@pytest.mark.asyncio
async def test_the_shutdown_timeout_hands_running_jobs_back(
    sqlite_app: App, commands: Commands, tmp_path: Path
) -> None:
    async with sqlite_app.queue as queue:
        command = await asyncio.to_thread(worker, commands, "--shutdown-timeout", "0.1")
        result = await sqlite_app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code, 10) == 0
        assert await result.state() is JobState.QUEUED
        assert await (await queue.session()).driver.leases() == []


@pytest.mark.asyncio
async def test_what_a_killed_worker_ran_is_finished_by_another(app: App, commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text(WORKER_WITH_SHORT_LEASE)
    async with app.queue:
        first = commands("short.py")
        await waiting(first, "ready")
        results = [await app.until(str(tmp_path / "go")) for _ in range(3)]
        await waiting(first, "began", times=3)
        first.signal(signal.SIGKILL)
        await asyncio.to_thread(first.code)
        (tmp_path / "go").touch()
        second = commands("short.py")
        values = [await result.get(timeout=20) for result in results]
        assert values == [second.process.pid] * 3


@pytest.mark.asyncio
async def test_a_stopped_worker_that_comes_back_settles_nothing_twice(
    redis_url: str, commands: Commands, tmp_path: Path
) -> None:
    app = App(tmp_path, redis_url)  # a process that is stopped inside an SQLite transaction stops all others too
    (tmp_path / "short.py").write_text(WORKER_WITH_SHORT_LEASE)
    async with app.queue:
        first = commands("short.py")
        await waiting(first, "ready")
        result = await app.until(str(tmp_path / "go"))
        await waiting(first, "began")
        first.signal(signal.SIGSTOP)
        try:
            (tmp_path / "go").touch()
            second = commands("short.py")
            assert await result.get(timeout=20) == second.process.pid
        finally:
            first.signal(signal.SIGCONT)
        second.signal(signal.SIGKILL)
        await asyncio.to_thread(second.code)
        assert await (await app.add(1, 2)).get(timeout=20) == 3
        result.reset()
        assert await result.get(timeout=0) == second.process.pid


@pytest.mark.asyncio
async def test_several_queues_and_a_dotted_path(sqlite_app: App, commands: Commands, tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "jobs.py").write_text(
        "from aioqueue import Queue\n\n"
        f"class Holder:\n    queue = Queue('sqlite:///{tmp_path}/queue.db', name='other')\n"
        "@Holder.queue.task\nasync def double(n: int) -> int:\n    return 2 * n\n"
    )
    other = Queue(f"sqlite:///{tmp_path}/queue.db", name="other")

    @other.task(name="shop.jobs.double")
    async def double(n: int) -> int: ...

    command = commands("-m", "aioqueue", "worker", "app.queue", "shop.jobs:Holder.queue")
    await waiting(command, "shop.jobs.double")
    async with sqlite_app.queue, other:
        assert await (await sqlite_app.add(1, 2)).get(timeout=10) == 3
        assert await (await double(4)).get(timeout=10) == 8
    command.signal(signal.SIGINT)
    assert await asyncio.to_thread(command.code) == 0


def test_jobs_sent_by_a_script_are_known_to_a_worker_that_imports_it(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(
        "import asyncio\nfrom aioqueue import Queue\n"
        f"queue = Queue('sqlite:///{tmp_path}/queue.db')\n"
        "@queue.task\nasync def add(a: int, b: int) -> int:\n    return a + b\n"
        "@queue.task(executor='process')\ndef square(n: int) -> int:\n    return n * n\n"
        "async def main() -> None:\n"
        "    print('values', await add.call(1, 2), await square.call(3), flush=True)\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    command = commands("-m", "aioqueue", "worker", "demo:queue")
    script = commands("demo.py")
    script.wait_for("values 3 9")
    assert script.code() == 0
    command.signal(signal.SIGTERM)
    assert command.code() == 0


def test_a_script_may_run_its_own_process_tasks(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(
        "import asyncio\nfrom aioqueue import Queue\nqueue = Queue('memory://')\n"
        "@queue.task(executor='process')\ndef square(n: int) -> int:\n    return n * n\n"
        "async def main() -> None:\n"
        "    async with queue, queue.worker():\n"
        "        print('values', await square.call(3), flush=True)\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    script = commands("-X", "dev", "-W", "error", "demo.py")
    script.wait_for("values 9")
    assert script.code() == 0
    assert "Warning" not in script.output
    assert "Traceback" not in script.output


# ---------------------------------------------------------------- what goes wrong
@pytest.mark.parametrize(
    ("more", "options", "is_told"),
    [
        ("", (), True),
        ("@queue.periodic_task(every(hours=1))\nasync def tidy() -> None: ...\n", ("-p",), False),
        ("@queue.periodic_task(every(hours=1))\nasync def tidy() -> None: ...\n", ("-n",), True),
    ],
    ids=["alone", "periodic", "not periodic"],
)
def test_a_queue_in_memory_is_told_to_be_out_of_reach(
    commands: Commands, tmp_path: Path, more: str, options: tuple[str, ...], is_told: bool
) -> None:
    (tmp_path / "alone.py").write_text(f"from aioqueue import Queue, every\nqueue = Queue('memory://')\n{more}")
    command = commands("-m", "aioqueue", "worker", "alone:queue", *options)
    command.wait_for("ready")
    command.signal(signal.SIGTERM)
    assert command.code() == 0
    told = [line for line in command.output.splitlines() if "never arrives here" in line]
    assert len(told) == is_told
    assert all("WARNING" in line and "redis://host or sqlite:///file" in line for line in told)


def refused(commands: Commands, *arguments: str, code: int, **environment: str) -> str:
    """Run a command that must end by itself with `code` and one line of explanation."""
    command = commands("-m", "aioqueue", "worker", *arguments, **environment)
    assert command.code() == code, command.output
    assert "Traceback" not in command.output
    lines = [line for line in command.output.splitlines() if line.strip()]
    assert len([line for line in lines if line.startswith("Error: ")]) == 1, command.output
    return lines[-1]


BROKEN = {
    "syntax.py": "def broken(:\n",
    "raises.py": "raise RuntimeError('broken on purpose')\n",
    "imports.py": "import there_is_no_such_module\n",
    "missing.py": "from os import there_is_no_such_name\n",
    "leaves.py": "import sys\nsys.exit(0)\n",
    "url.py": "from aioqueue import Queue\nqueue = Queue('bogus://x')\n",
    "twice.py": "from aioqueue import Queue\nqueue = Queue('memory://')\n"
    "@queue.task\ndef one(): ...\n@queue.task\ndef one(): ...\n",
    "fine.py": "from aioqueue import Queue\nthing = 3\nqueue = Queue('memory://')\n",
}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere:queue", "'nowhere'"),
        ("fine.deeper:queue", "fine.deeper"),
        ("fine:nothing", "queue"),
        ("fine:queue.nothing", "nothing"),
        ("fine:thing", "int"),
        ("fine", "module:attribute"),
        (":queue", "module:attribute"),
        ("fine:", "module:attribute"),
        ("", "module:attribute"),
        ("fine:queue:more", "fine"),
        ("../fine:queue", "fine"),
        ("fine.py:queue", "fine"),
        (".fine:queue", "fine"),
        ("syntax:queue", "SyntaxError"),
        ("raises:queue", "broken on purpose"),
        ("imports:queue", "there_is_no_such_module"),
        ("missing:queue", "there_is_no_such_name"),
        ("leaves:queue", "exit"),
        ("url:queue", "bogus"),
        ("twice:queue", "twice.one"),
    ],
)
def test_an_application_that_cannot_be_loaded_is_one_line(
    commands: Commands, tmp_path: Path, target: str, said: str
) -> None:
    for name, source in BROKEN.items():
        (tmp_path / name).write_text(source)
    assert said in refused(commands, target, code=2)


def test_a_server_that_cannot_be_reached_is_one_line(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text("from aioqueue import Queue\nqueue = Queue('redis://127.0.0.1:1')\n")
    assert "127.0.0.1" in refused(commands, "away:queue", code=3)


def test_a_file_that_cannot_be_opened_is_one_line(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text(
        f"from aioqueue import Queue\nqueue = Queue('sqlite:///{tmp_path}/no/such/folder/q.db')\n"
    )
    refused(commands, "away:queue", code=2)
    (tmp_path / "queue.db").write_text("this is no database, but it is long enough to look like one" * 100)
    (tmp_path / "text.py").write_text(f"from aioqueue import Queue\nqueue = Queue('sqlite:///{tmp_path}/queue.db')\n")
    command = commands("-m", "aioqueue", "worker", "text:queue")
    assert command.code() in (2, 3), command.output
    assert "Traceback" not in command.output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("app:queue", "-c", "0"),
        ("app:queue", "-c", "many"),
        ("app:queue", "--shutdown-timeout", "-1"),
        ("app:queue", "--shutdown-timeout", "nan"),
        ("app:queue", "--nonsense"),
        ("app:queue", "-q", "-v"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(commands: Commands, sqlite_app: App, arguments: tuple[str, ...]) -> None:
    refused(commands, *arguments, code=2)


# ---------------------------------------------------------------- what it says
def test_help_names_the_command_and_its_options(commands: Commands) -> None:
    general = commands("-m", "aioqueue", "--help")
    worker_help = commands("-m", "aioqueue", "worker", "-h")
    version = commands("-m", "aioqueue", "--version")
    assert (general.code(), worker_help.code()) == (0, 0)
    assert "worker" in general.output
    for option in ("--concurrency", "--shutdown-timeout", "--verbose", "--quiet", "APP"):
        assert option in worker_help.output
    assert version.code() in (0, 1)  # 1: not installed, only on the path


def test_a_command_that_does_not_exist_is_one_line(commands: Commands) -> None:
    command = commands("-m", "aioqueue", "wrker")
    assert command.code() == 2
    assert "wrker" in command.output
    assert "Traceback" not in command.output


@pytest.mark.asyncio
async def test_verbose_names_every_job_and_quiet_only_errors(sqlite_app: App, commands: Commands) -> None:
    async with sqlite_app.queue:
        loud = await asyncio.to_thread(worker, commands, "-v")
        fine = await sqlite_app.add(1, 2)
        assert await fine.get(timeout=10) == 3
        await waiting(loud, fine.id)
        loud.signal(signal.SIGTERM)
        assert await asyncio.to_thread(loud.code) == 0

        quiet = commands("-m", "aioqueue", "worker", "app:queue", "-q")
        broken = await sqlite_app.fails()
        await waiting(quiet, "broken on purpose")
        await waiting(quiet, "ValueError")
        await became(broken, JobState.FAILED)
        assert await (await sqlite_app.add(1, 2)).get(timeout=10) == 3
        quiet.signal(signal.SIGTERM)
        assert await asyncio.to_thread(quiet.code) == 0
        assert not [line for line in quiet.output.splitlines() if "INFO" in line or "WARNING" in line]


@pytest.mark.asyncio
async def test_the_worker_says_that_it_is_ready_and_what_it_knows(sqlite_app: App, commands: Commands) -> None:
    command = await asyncio.to_thread(worker, commands)
    for name in ("app.add", "app.square", "app.until"):
        assert name in command.output
    assert "object at 0x" not in command.output


@pytest.mark.asyncio
async def test_ctrl_c_reaches_process_tasks_and_the_worker_together(
    sqlite_app: App, commands: Commands, tmp_path: Path
) -> None:
    """A terminal signals the whole group: the children must not die of it, their jobs are to end first."""
    source = (tmp_path / "app.py").read_text()
    (tmp_path / "app.py").write_text(
        source
        + "\n@queue.task(executor='process')\ndef slow(path: str) -> str:\n"
        + "    pathlib.Path(path).touch()\n    time.sleep(0.5)\n    return 'done'\n"
    )

    @sqlite_app.queue.task(name="app.slow")
    async def slow(path: str) -> str: ...

    leader = tmp_path / "leader.py"
    leader.write_text(
        "import os, sys\nos.setsid()\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'aioqueue', 'worker', 'app:queue'])\n"
    )
    command = commands("leader.py")
    await waiting(command, "ready")
    async with sqlite_app.queue as queue:
        result = await slow(str(tmp_path / "began"))
        await eventually((tmp_path / "began").exists, 10)
        os.killpg(command.process.pid, signal.SIGINT)
        assert await asyncio.to_thread(command.code) == 0
        stored = await (await queue.session()).driver.job(result.id)
        assert stored is None or stored.deliveries == 0, "the child died of the signal"
        assert await result.get(timeout=0) == "done"
